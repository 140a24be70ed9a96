"""What is known of every data set and what of it is in the data folder."""

from dataclasses import dataclass
from pathlib import Path

from submission.data.catalogue import MPI3D_NAMES, STANDIN_NAMES, VARIANTS
from submission.data.image_set import ImageSet, file_of
from submission.data.images import DATASET_NAMES, open_images
from submission.data.library.sets import LIBRARY_SETS
from submission.data.npz import is_stored
from submission.data.unpacked import find_copies
from submission.errors import UserError
from submission.factors import FactorSpace

__all__ = ["Leftover", "Listed", "grid_text", "list_data_sets", "list_leftovers"]


@dataclass(frozen=True)
class Listed:
    """A line about a data set.

    Attributes:
        name: of the data set.
        grid: the factor sizes, those of the file when there is one.
        state: whether it is here, how large it is, what is wrong with it or how to get it.
    """

    name: str
    grid: str
    state: str


@dataclass(frozen=True)
class Leftover:
    """A file that can be deleted.

    Attributes:
        path: of the file.
        num_bytes: its length.
        what: what it is, and what happens without it.
    """

    path: Path
    num_bytes: int
    what: str


def list_data_sets(folder: Path) -> list[Listed]:
    """Looks for every known data set; nothing is unpacked or converted.

    Args:
        folder: the data folder.
    """
    return [_listed(name, folder) for name in DATASET_NAMES]


def list_leftovers(folder: Path) -> list[Leftover]:
    """Lists unpacked copies, unfinished downloads and files that a check refused.

    Args:
        folder: the data folder.
    """
    unfinished = "unfinished file, useless unless a download or a rendering is running"
    kinds = [(path, "unpacked copy, made again when needed") for path in find_copies(folder)]
    kinds += [(path, unfinished) for path in sorted(folder.glob("*/.*.part"))]
    kinds += [(path, "refused by its check") for path in sorted(folder.glob("*/*.refused"))]
    return [Leftover(path, path.stat().st_size, what) for path, what in kinds]


def grid_text(space: FactorSpace) -> str:
    """Formats factor sizes and their product."""
    return f"{'x'.join(map(str, space.sizes))} = {space.num_points:,}"


def _listed(name: str, folder: Path) -> Listed:
    path = file_of(name, folder)
    try:
        here = path.is_file()
    except OSError as error:
        return Listed(name, _known_grid(name), f"cannot look: {error.strerror}")
    for known in LIBRARY_SETS:
        if known.name != name:
            continue
        grid = grid_text(known.space)
        try:
            known.sources_in(folder)
        except (UserError, OSError) as error:
            return Listed(name, grid, f"not here; {error}")
        state = f"here, {path.stat().st_size:,} bytes" if here else "ready to be opened"
        return Listed(name, grid, state)
    if not here:
        return Listed(name, _known_grid(name), f"not here; {_way_to(name)}")
    size = path.stat().st_size
    try:
        if not is_stored(path):
            state = f"here, {size:,} bytes, compressed: unpacked when first opened"
            return Listed(name, _known_grid(name), state)
        image_set: ImageSet = open_images(name, folder)
    except (UserError, OSError) as error:
        return Listed(name, _known_grid(name), f"damaged: {error}")
    return Listed(name, grid_text(image_set.space), f"here, {size:,} bytes")


def _known_grid(name: str) -> str:
    """Formats the grids that a set of this name can have."""
    if name in STANDIN_NAMES:
        return "any of up to 6x6x2x3x3x40x40"
    spaces = [variant.space for variant in VARIANTS if variant.name == name]
    spaces += [known.space for known in LIBRARY_SETS if known.name == name]
    return " or ".join(grid_text(space) for space in spaces)


def _way_to(name: str) -> str:
    """Says how to get a set."""
    if name in STANDIN_NAMES:
        return f"render {name}"
    if name in MPI3D_NAMES and name != "mpi3d_real_complex":
        return f"fetch {name}"
    return f"fetch {name} --url ..."
