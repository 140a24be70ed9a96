import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from submission.kernels import kept_kernel, sources_digest

PROGRAM = """
from submission.scoring.trees.boosting import fit_each_factor
from submission.scoring.trees.stages import kernels
fit_each_factor([[0.0], [1.0], [2.0], [3.0]], [[0], [0], [1], [1]], num_stages=2)
print(*(sum(kernel.stats.cache_hits.values()) for kernel in kernels()[1:]))
"""


def test_digest_follows_the_sources(tmp_path: Path) -> None:
    source = tmp_path / "scene.py"
    source.write_text("A = 1\n")
    before = sources_digest(tmp_path)
    assert before == sources_digest(tmp_path)
    source.write_text("A = 2\n")
    assert sources_digest(tmp_path) != before


def test_a_second_process_loads_what_the_first_compiled(tmp_path: Path) -> None:
    """The folder that numba is given decides, so that nothing compiled earlier can help."""

    def hits(folder: Path) -> str:
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder)}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env=environment,
            cwd=Path(__file__).parents[1],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    assert hits(tmp_path) == "0 0"
    assert hits(tmp_path) == "1 1"


def test_a_kernel_that_cannot_be_kept_is_compiled() -> None:
    """A function without a file has no place on disk, as one in a tree that is read only."""
    names: dict[str, Any] = {}
    exec("def fill(out):\n    out[0] = 3.0", names)
    out = np.zeros(1)
    kept_kernel(names["fill"])(out)
    assert out == 3


SHOWS = """
import sys
import numpy as np
from pathlib import Path
from {module} import Point
from user import move

out = np.zeros(1)
kernel = kept(move, Path(sys.argv[1]))
kernel(Point(2.0), out)
print(out[0], sum(kernel.stats.cache_hits.values()))
"""


def test_what_was_kept_of_earlier_sources_is_not_even_read(tmp_path: Path) -> None:
    """What numba kept names the classes of arguments, which a later version may have moved."""
    user = "def move(point, out):\n    out[0] = point.x\n"
    point = "from typing import NamedTuple\n\nclass Point(NamedTuple):\n    x: float\n"
    start = "from submission.kernels import kept_kernel as kept\n"
    environment = {
        **os.environ,
        "NUMBA_CACHE_DIR": str(tmp_path / "kept"),
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), str(tmp_path)]),
    }

    def shown(module: str) -> str:
        (tmp_path / f"{module}.py").write_text(point)
        program = start + SHOWS.format(module=module)
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path)],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    (tmp_path / "user.py").write_text(user)
    assert shown("here") == "2.0 0"
    assert shown("here") == "2.0 1"
    (tmp_path / "here.py").unlink()
    assert shown("there") == "2.0 0"
