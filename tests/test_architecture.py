import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.sources import (
    OTHERS,
    ROOT,
    SOURCES,
    imports_of,
    module_of,
    names_used,
    parameters_of,
    tree_of,
    unpickling,
)

# From the ground up; a module may import from its own layer and from those before it.
LAYERS = (
    ("errors", "interpreter"),
    ("factors", "files", "folders", "console", "kernels"),
    ("server",),
    ("data",),
    ("models",),
    ("config",),
    ("training",),
    ("scoring",),
    ("report",),
    ("job", "starter_kit"),
    ("submit",),
    ("commands",),
    ("cli",),
    ("__main__",),
)
LAYER_OF = {name: number for number, layer in enumerate(LAYERS) for name in layer}

MAX_LINES = 300
MAX_PARAMETERS = 7


def part_of(module: str) -> str:
    return module.split(".")[1]


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_imports_go_downward(path: Path) -> None:
    if module_of(path) == "submission":
        return
    layer = LAYER_OF[part_of(module_of(path))]
    for name in imports_of(tree_of(path)):
        if name.startswith("submission."):
            assert LAYER_OF[part_of(name)] <= layer, f"{module_of(path)} imports {name}"


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_no_file_is_put_in_the_place_of_the_one_that_is_written(path: Path) -> None:
    """save_file renames a file of its own, which has other permissions and outlives a kill."""
    used = {name.rpartition(".")[2] for name in names_used(tree_of(path))}
    assert used.isdisjoint({"save_file", "serialize_file"})


def test_no_module_imports_itself_through_others() -> None:
    modules = {module_of(path) for path in SOURCES if path.name != "__init__.py"}
    graph = {
        module_of(path): imports_of(tree_of(path)) & modules
        for path in SOURCES
        if module_of(path) in modules
    }
    TopologicalSorter(graph).prepare()  # raises CycleError


def users_of(name: str) -> set[str]:
    """The modules that use a name of a library, or anything in it."""
    return {
        module_of(path)
        for path in SOURCES
        if any(f"{used}.".startswith(f"{name}.") for used in names_used(tree_of(path)))
    }


def test_the_environment_has_one_reader() -> None:
    users = users_of("os.environ") | users_of("os.environb") | users_of("os.getenv")
    assert users == {"submission.server.environment"}


def test_torchscript_has_one_user() -> None:
    only_error = {"torch.jit.Error"}
    users = {
        module_of(path)
        for path in SOURCES
        if any(used.startswith("torch.jit.") for used in names_used(tree_of(path)) - only_error)
    }
    assert users == {"submission.models.export", "submission.submit.rehearsal.evaluator"}


@pytest.mark.parametrize("path", [*SOURCES, *OTHERS], ids=module_of)
def test_a_file_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_a_file_says_what_it_is_and_offers(path: Path) -> None:
    tree = tree_of(path)
    assert ast.get_docstring(tree)
    if path.name not in ("__init__.py", "__main__.py"):
        assigned = [node.targets[0] for node in tree.body if isinstance(node, ast.Assign)]
        assert "__all__" in [target.id for target in assigned if isinstance(target, ast.Name)]


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_a_function_has_few_parameters(path: Path) -> None:
    counts = parameters_of(tree_of(path))
    assert {name: count for name, count in counts.items() if count > MAX_PARAMETERS} == {}


def test_training_does_not_import_tensorflow(tmp_path: Path) -> None:
    """It takes seconds and memory that only scoring should pay for."""
    program = (
        "import sys, pathlib, submission.commands.train, submission.commands.finetune;"
        "import submission.config.configuration, submission.job.train;"
        "import submission.training.finetune.finetune, submission.training.finetune.start;"
        "from submission.training.curves import Curves;"
        "Curves([(0, 'loss', 1.0)]).write(pathlib.Path(sys.argv[1]));"
        "assert not any(name.split('.')[0] == 'tensorflow' for name in sys.modules)"
    )
    command = [sys.executable, "-W", "error", "-c", program, str(tmp_path)]
    subprocess.run(command, check=True, cwd=ROOT)


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_nothing_unpickles_what_it_did_not_write(path: Path) -> None:
    assert list(unpickling(tree_of(path))) == []


@pytest.mark.parametrize(
    "text",
    [
        "import torch; torch.load(path)",
        "import torch; torch.load(path, weights_only=False)",
        "import torch; torch.load(path, weights_only=safe)",
        "import torch; torch.load(path, **options)",
        "from torch import load as read; read(path)",
        "import numpy; numpy.load(path)",
        "import numpy as np; np.load(path, allow_pickle=True)",
        "import numpy as np; np.lib.format.read_array(file, allow_pickle=True)",
        "from numpy.lib import format as npy; npy.read_array(file, allow_pickle=not safe)",
        "import pickle; pickle.loads(data)",
        "from pickle import load; load(file)",
        "import joblib as j; j.load(path)",
    ],
)
def test_a_call_that_unpickles_is_found(text: str) -> None:
    assert list(unpickling(ast.parse(text)))


@pytest.mark.parametrize(
    "text",
    [
        "import torch; torch.load(path, weights_only=True)",
        "import numpy as np; np.load(path, allow_pickle=False)",
        "import numpy as np; np.save(path, array, allow_pickle=False)",
        "import json; json.load(file)",
        '"""Never torch.load(path), nor allow_pickle=True."""',
    ],
)
def test_a_call_that_does_not_unpickle_passes(text: str) -> None:
    assert not list(unpickling(ast.parse(text)))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("import os; os.environ['A']", "os.environ"),
        ("from os import environ; environ.get('A')", "os.environ"),
        ("import os as system; system.getenv('A')", "os.getenv"),
        ("from torch import jit; jit.load(path)", "torch.jit.load"),
        ("import torch.jit; torch.jit.trace(model, x)", "torch.jit.trace"),
    ],
)
def test_a_name_is_found_whatever_it_is_imported_as(text: str, name: str) -> None:
    assert name in names_used(ast.parse(text))
    assert name not in names_used(ast.parse(f"'''{text}'''"))


def test_parameters_are_counted() -> None:
    text = "class A:\n    def f(self, a, /, b, *c, d=1, **e): ..."
    assert parameters_of(ast.parse(text)) == {"f": 3}
