"""Every example (`>>>`) in a docstring gives what it says."""

import doctest
import importlib
import inspect
from pathlib import Path

import pytest

from tests.sources import ROOT, SOURCES, module_of

OTHERS = [path for folder in ("benchmarks", "experiments") for path in (ROOT / folder).glob("*.py")]
WITH_EXAMPLES = [path for path in SOURCES + OTHERS if ">>> " in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=module_of)
def test_examples(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    module = importlib.import_module(module_of(path))
    # Functions that a decorator of another module has made are found only if they are listed.
    listed = {name: getattr(module, name) for name in module.__all__}
    found = {name: each for name, each in listed.items() if inspect.isroutine(inspect.unwrap(each))}
    monkeypatch.setattr(module, "__test__", found, raising=False)
    done = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert done.attempted == path.read_text(encoding="utf-8").count(">>> ")
    assert not done.failed
