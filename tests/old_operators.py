"""Which operators of an exported graph torch 1.8 lacks."""

from pathlib import Path
from typing import Any, cast

import torch

from submission.models.export import load_exported

# Everything that torch 1.8.1 declares; the program beside the file made it.
PLAIN_OPERATORS = {
    (schema.name, schema.overload_name): schema
    for schema in map(
        torch._C.parse_schema,
        Path(__file__).with_name("torch_1_8_operators.txt").read_text().splitlines(),
    )
}


# What holds a traced network together and is no operator.
STRUCTURE = {"prim::Constant", "prim::GetAttr", "prim::ListConstruct", "prim::CallMethod"}


def graph_of(path: Path) -> Any:
    """Reads the graph of an exported file, its submodules inlined."""
    return cast(Any, load_exported(path)).inlined_graph


def too_new_in(graph: Any) -> set[str]:
    """Names the operators that torch 1.8 lacks or declares with other arguments."""
    found = set()
    for node in graph.nodes():
        if node.kind() in STRUCTURE:
            continue
        schema = torch._C.parse_schema(node.schema())
        old = PLAIN_OPERATORS.get((schema.name, schema.overload_name))
        if old is None or _arguments_of(old) != _arguments_of(schema):
            found.add(node.kind())
    return found


def _arguments_of(schema: Any) -> list[tuple[str, bool]]:
    return [(argument.name, argument.kwarg_only) for argument in schema.arguments]
