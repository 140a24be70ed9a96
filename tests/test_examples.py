"""Every example (`>>>`) in a docstring gives what it says."""

import doctest
import importlib
from pathlib import Path

import pytest

from tests.sources import ROOT, SOURCES, module_of

OTHERS = [path for folder in ("benchmarks", "experiments") for path in (ROOT / folder).glob("*.py")]
WITH_EXAMPLES = [path for path in SOURCES + OTHERS if ">>> " in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=module_of)
def test_examples(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    done = doctest.testmod(importlib.import_module(module_of(path)))
    assert done.attempted
    assert not done.failed
