"""The one line that refuses a setting of the paper's configuration."""

from pathlib import Path

import pytest

from submission.config.configuration import (
    Configuration,
    load_configuration,
)

PAPER = Path("configs/paper.gin")


SETTINGS = [each for group in Configuration().groups for each in group.settings()]


def refusal(line: str) -> str:
    """Gives the one line that refuses an override."""
    with pytest.raises(ValueError, match="expected") as caught:
        load_configuration(PAPER, [line])
    message = str(caught.value)
    assert "\n" not in message
    return message
