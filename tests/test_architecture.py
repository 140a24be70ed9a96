import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "submission").rglob("*.py"))

# From the ground up; a module may import from its own layer and from those before it.
LAYERS = (
    ("errors",),
    ("factors", "files", "console"),
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


def part_of(module: str) -> str:
    return module.split(".")[1]


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_imports_go_downward(path: Path) -> None:
    if module_of(path) == "submission":
        return
    layer = LAYER_OF[part_of(module_of(path))]
    for name in imports_of(path):
        if name.startswith("submission."):
            assert LAYER_OF[part_of(name)] <= layer, f"{module_of(path)} imports {name}"


def test_the_environment_has_one_reader() -> None:
    readers = {
        module_of(path)
        for path in SOURCES
        if "os.environ" in path.read_text(encoding="utf-8").replace("`os.environ`", "")
    }
    assert readers <= {"submission.server.environment", "submission.scoring.library"}


def test_torchscript_has_one_user() -> None:
    users = {module_of(path) for path in SOURCES if "torch.jit" in _code_of(path)}
    assert users == {"submission.models.export", "submission.submit.rehearsal.evaluator"}


def _code_of(path: Path) -> str:
    return ast.unparse(
        ast.Module(
            [
                node
                for node in ast.parse(path.read_text(encoding="utf-8")).body
                if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
            ],
            [],
        )
    )


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_a_file_is_short_and_says_what_it_offers(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 300
    assert ast.get_docstring(ast.parse(text))
    if path.name not in ("__init__.py", "__main__.py"):
        assert "__all__" in text


def test_training_does_not_import_tensorflow() -> None:
    """It takes seconds and memory that only scoring should pay for."""
    import subprocess
    import sys

    program = (
        "import sys, tempfile, pathlib, submission.commands.train, submission.commands.finetune;"
        "import submission.config.configuration, submission.job.train;"
        "from submission.training.curves import Curves;"
        "Curves([(0, 'loss', 1.0)]).write(pathlib.Path(tempfile.mkdtemp()));"
        "assert not any(name.split('.')[0] == 'tensorflow' for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, cwd=ROOT)


def test_nothing_unpickles_what_it_did_not_write() -> None:
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        assert "allow_pickle=True" not in text
        assert "weights_only=False" not in text
        assert text.count("torch.load(") == text.count("weights_only=True"), path
