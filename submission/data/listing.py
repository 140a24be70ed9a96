"""What is known of every data set and what of it is in the data folder."""

from pathlib import Path

from submission.data.catalogue import STANDIN_NAMES, VARIANTS, command_for, full_grid
from submission.data.image_set import file_of
from submission.data.images import DATASET_NAMES, open_images
from submission.data.library.sets import LIBRARY_SETS
from submission.data.npz import is_stored
from submission.data.unpacked import find_copies
from submission.errors import UserError
from submission.factors import FactorSpace

__all__ = ["grid_text", "list_data_sets", "list_leftovers"]


def list_data_sets(folder: Path) -> list[tuple[str, str, str]]:
    """Looks for every known data set; nothing is unpacked or converted.

    Returns:
        each set's name, its factor sizes, and its state: whether it is here, how large it is, what
        is wrong with it or how to get it.

    Example:
        >>> [state for name, _, state in list_data_sets(Path("nowhere")) if name == "mpi3d_real"]
        ['not here; python -m submission data fetch mpi3d_real']
    """
    return [(name, *_listed(name, folder)) for name in DATASET_NAMES]


def list_leftovers(folder: Path) -> list[tuple[Path, str]]:
    """Lists unpacked copies, unfinished downloads and files that a check refused.

    Returns:
        each file that can be deleted, and what it is.
    """
    unfinished = "unfinished file, useless unless a download or a rendering is running"
    kinds = [(path, "unpacked copy, made again when needed") for path in find_copies(folder)]
    kinds += [(path, unfinished) for path in sorted(folder.glob("*/.*.part"))]
    kinds += [(path, "refused by its check") for path in sorted(folder.glob("*/*.refused"))]
    return kinds


def grid_text(space: FactorSpace) -> str:
    """Formats factor sizes as `--grid` takes them, and their product.

    Example:
        >>> grid_text(FactorSpace(("shape", "size"), (3, 4)))
        '3,4 (12 images)'
    """
    return f"{','.join(map(str, space.sizes))} ({space.num_points:,} images)"


def _listed(name: str, folder: Path) -> tuple[str, str]:
    """Returns grid and state of a set."""
    path, grid = file_of(name, folder), _known_grid(name)
    try:
        size = path.stat().st_size if path.is_file() else None
    except OSError as error:
        return grid, f"cannot look: {error.strerror}"
    here = f"here, {size or 0:,} bytes"
    if name in LIBRARY_SETS:
        try:
            LIBRARY_SETS[name].sources_in(folder)
        except (UserError, OSError) as error:
            return grid, f"not here; {error}"
        return grid, "ready to be opened" if size is None else here
    if size is None:
        return grid, f"not here; {command_for(name)}"
    try:
        if not is_stored(path):
            return grid, f"{here}, compressed: unpacked when first opened"
        return grid_text(open_images(name, folder).space), here
    except (UserError, OSError) as error:
        return grid, f"damaged: {error}"


def _known_grid(name: str) -> str:
    """Formats the grids that a set of this name can have."""
    if name in STANDIN_NAMES:
        return f"any up to {','.join(map(str, full_grid(name)))}"
    if name in LIBRARY_SETS:
        return grid_text(LIBRARY_SETS[name].space)
    spaces = [variant.space for variant in VARIANTS if variant.name == name]
    return " or ".join(grid_text(space) for space in spaces)
