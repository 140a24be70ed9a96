"""Hides packages that the image leaves out from the rehearsed program."""

from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.utils import canonicalize_name

from submission.submit.repository import listed

__all__ = ["LEFT_OUT", "hide_packages", "read_left_out"]

LEFT_OUT = "image/left_out.txt"
HIDDEN = """raise ModuleNotFoundError(
    f"the image has no {__name__.split('.')[0]}, since LEFT_OUT leaves {DISTRIBUTION!r} out; "
    "take its line out of that file",
    name=__name__,
)
"""


def read_left_out(text: str) -> set[str]:
    """Reads the names of the packages that the image leaves out.

    Args:
        text: one name on a line, with comments.

    Returns:
        The names in canonical spelling.

    Example:
        >>> read_left_out("tf_keras  # for scoring")
        {'tf-keras'}
    """
    return {canonicalize_name(name) for name in listed(text)}


def hide_packages(left_out: set[str], folder: Path) -> None:
    """Fills a folder with modules whose import fails, for the front of PYTHONPATH.

    Args:
        left_out: canonical names of packages. A module that belongs to another package, too, is
            not hidden.
        folder: an empty folder.
    """
    for module, owners in packages_distributions().items():
        names = {canonicalize_name(owner) for owner in owners}
        if module.isidentifier() and names <= left_out:
            text = HIDDEN.replace("LEFT_OUT", LEFT_OUT)
            text = text.replace("{DISTRIBUTION!r}", ", ".join(sorted(names)))
            (folder / f"{module}.py").write_text(text, encoding="utf-8")
