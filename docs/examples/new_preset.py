"""A preset of your own: a gin file that includes one that ships and changes two settings.

    python -m docs.examples.new_preset my_preset.gin

It runs in a clone that has the packages. It writes the file, loads it as a run would, and prints
what differs from the preset that it includes. A name or a value that is not allowed stops it with a
message that says what is allowed. `./run.sh my_preset.gin my_run` then trains with the file.
"""

import sys
from pathlib import Path

from submission.config.configuration import load_configuration

SHIPPED = Path("configs/best.gin")
TEXT = f"""\
# The default preset with a higher weight of the KL divergence and another seed.
include '{SHIPPED}'

submission.Fit.beta_end = 1.2
submission.Fit.seed = 1
"""


def settings_of(preset: Path) -> dict[str, object]:
    """Loads a preset and gives each setting's value by its name."""
    groups = load_configuration(preset).groups
    return {each.name: each.value for group in groups for each in group.settings()}


if __name__ == "__main__":
    mine = Path(sys.argv[1] if len(sys.argv) > 1 else "my_preset.gin")
    mine.write_text(TEXT, encoding="utf-8")
    before, after = settings_of(SHIPPED), settings_of(mine)
    print(f"{mine} differs from {SHIPPED} in:")
    for name in before:
        if before[name] != after[name]:
            print(f"  {name}: {before[name]} -> {after[name]}")
