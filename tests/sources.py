"""What the project's modules import, call and read, found in their syntax trees."""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "submission").rglob("*.py"))
OTHERS = sorted(
    path
    for folder in ("tests", "benchmarks", "experiments")
    for path in (ROOT / folder).rglob("*.py")
)

UNPICKLING = frozenset(
    {
        "dill.load",
        "dill.loads",
        "joblib.load",
        "marshal.load",
        "marshal.loads",
        "pandas.read_pickle",
        "pickle.Unpickler",
        "pickle.load",
        "pickle.loads",
        "shelve.open",
    }
)
EXPLICIT = {"torch.load": "weights_only", "numpy.load": "allow_pickle"}
"""Calls that unpickle or not as a keyword says, whose default differs between releases."""

SAFE_VALUE = {"weights_only": True, "allow_pickle": False}


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports_of(tree: ast.Module) -> set[str]:
    """Names every imported module, and every name imported from one as MODULE.NAME."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def _meanings(tree: ast.Module) -> dict[str, str]:
    """Says what each imported name stands for, such as `numpy` for `np`."""
    meanings: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.split(".")[0]
                meanings[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                meanings[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return meanings


def _full_name(node: ast.expr, meanings: dict[str, str]) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_full_name(node.value, meanings)}.{node.attr}"
    return meanings.get(node.id, node.id) if isinstance(node, ast.Name) else ""


@functools.cache
def names_used(tree: ast.Module) -> set[str]:
    """Gives the full name of everything that code names, whatever it was imported as."""
    meanings = _meanings(tree)
    expressions = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute | ast.Name))
    return {_full_name(node, meanings) for node in expressions}


def unpickling(tree: ast.Module) -> Iterator[str]:
    """Finds calls that would unpickle what anybody wrote."""
    meanings = _meanings(tree)
    yield from names_used(tree) & UNPICKLING
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = _full_name(call.func, meanings)
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        if None in given and name in EXPLICIT:
            yield f"{name} with keywords that cannot be read"
        if name in EXPLICIT and EXPLICIT[name] not in given:
            yield f"{name} without {EXPLICIT[name]}"
        for keyword, safe in SAFE_VALUE.items():
            value = given.get(keyword)
            if value is not None and not (isinstance(value, ast.Constant) and value.value is safe):
                yield f"{name} with {keyword}={ast.unparse(value)}"


def parameters_of(tree: ast.Module) -> dict[str, int]:
    """Counts the parameters of each function, without `self` and `cls`."""
    counts = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            names = [argument.arg for argument in given]
            counts[node.name] = len([name for name in names if name not in ("self", "cls")])
    return counts
