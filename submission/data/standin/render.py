"""Renders stand-in images: chosen grid points in memory, or a whole grid to a file."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from submission.console import progress_bar
from submission.data.catalogue import RENDERER_VERSION
from submission.data.image_file import write_images
from submission.data.standin.develop import develop
from submission.data.standin.look import Look, look_named
from submission.data.standin.scene import IMAGE_SIZE, poses, standin_space
from submission.data.standin.shade import shade_scenes
from submission.errors import InputError
from submission.factors import FactorSpace, IntArray
from submission.files import locked

__all__ = ["render_file", "render_images", "render_look"]

SCENES_AT_ONCE = 256  # 20 MiB of shaded scenes


def _check_seed(seed: int) -> None:
    if not 0 <= seed < 2**32:
        raise InputError(f"expected a seed from 0 to below 2**32, got {seed}")


def _shade(look: Look, space: FactorSpace, geometry: IntArray) -> npt.NDArray[np.float32]:
    """Renders the scenes of (m, 5) shape, size, camera height and two positions."""
    frames = poses(look.scene, geometry[:, 2], geometry[:, 3:], (space.sizes[5], space.sizes[6]))
    return shade_scenes(look, geometry[:, :3], frames)


def render_images(
    domain: str, space: FactorSpace, factors: npt.ArrayLike, seed: int = 0
) -> npt.NDArray[np.uint8]:
    """Renders grid points, each exactly as `render_file` writes it.

    Args:
        domain: a name in `STANDIN_NAMES`.
        space: the grid, as `standin_space` makes it.
        factors: (n, 7) factor values.
        seed: of the grid's random parts, from 0 to below 2**32.

    Returns:
        (n, 64, 64, 3) levels.

    Raises:
        InputError: if there is no such domain, grid, grid point or seed.
    """
    look = look_named(domain)
    if standin_space(space.sizes, domain) != space:
        raise InputError(f"expected the factors {standin_space().names}, got {space.names}")
    _check_seed(seed)
    return render_look(look, space, factors, seed)


def render_look(
    look: Look, space: FactorSpace, factors: npt.ArrayLike, seed: int = 0
) -> npt.NDArray[np.uint8]:
    """Renders grid points in any look; see `render_images`."""
    points = np.asarray(factors)
    indices = space.factors_to_index(points)
    points = space.index_to_factors(indices)
    images = np.empty((len(points), IMAGE_SIZE, IMAGE_SIZE, 3), dtype=np.uint8)
    geometry, which = np.unique(points[:, [1, 2, 3, 5, 6]], axis=0, return_inverse=True)
    order = np.argsort(which, kind="stable")
    for start in range(0, len(geometry), SCENES_AT_ONCE):
        scenes = _shade(look, space, geometry[start : start + SCENES_AT_ONCE])
        first, last = np.searchsorted(which[order], (start, start + len(scenes)))
        for rows in np.array_split(order[first:last], max(1, (last - first) // 1024)):
            images[rows] = develop(
                look, seed, scenes, which[rows] - start, points[rows], indices[rows]
            )
    return images


def _rendered(
    look: Look, space: FactorSpace, seed: int
) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
    """Yields a grid's images in pieces, each with the number of its first image.

    The kernels may be compiled for the first piece. So the bar starts after it.
    """
    pieces = _pieces(look, space, seed)
    first = next(pieces)
    with progress_bar(space.num_points, look.name, " images") as bar:
        for piece in itertools.chain([first], pieces):
            yield piece
            bar.update(len(piece[1]))


def _pieces(
    look: Look, space: FactorSpace, seed: int
) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
    """Scenes that differ in their two colours only are shaded once."""
    colors, shapes, sizes, views, rings, rows, columns = space.sizes
    positions = np.indices((rows, columns)).reshape(2, -1).T
    for shape, size, view in itertools.product(range(shapes), range(sizes), range(views)):
        for start in range(0, len(positions), SCENES_AT_ONCE):
            piece = positions[start : start + SCENES_AT_ONCE]
            geometry = np.insert(piece, [0, 0, 0], (shape, size, view), axis=1)
            scenes, which = _shade(look, space, geometry), np.arange(len(piece))
            for color, ring in itertools.product(range(colors), range(rings)):
                factors = np.insert(geometry, [0, 3], (color, ring), axis=1)
                first = int(space.factors_to_index(factors[:1])[0])
                yield first, develop(look, seed, scenes, which, factors, first + which)


def render_file(domain: str, sizes: tuple[int, ...], path: Path, seed: int = 0) -> None:
    """Renders a whole grid into an uncompressed npz file, in bounded memory.

    The file holds `images`, uint8 (N, 64, 64, 3) in row-major order of the factors, `factor_sizes`,
    int64 (7,), and `renderer_version`, int64 (). Its bytes follow from domain, sizes and seed.

    Args:
        domain: a name in `STANDIN_NAMES`.
        sizes: of the seven factors; see `standin_space`.
        path: the file, written whole or not at all.
        seed: of the random parts, from 0 to below 2**32.

    Raises:
        InputError: if there is no such domain, grid or seed, or another run renders to the folder.
        OutputError: if the disk cannot take the file; its length is checked before the first image.
    """
    look = look_named(domain)
    space = standin_space(sizes, domain)
    _check_seed(seed)
    shape = (space.num_points, IMAGE_SIZE, IMAGE_SIZE, 3)
    with locked(path.parent, f"rendering of {path.name}"):
        images = _rendered(look, space, seed)
        arrays = {"factor_sizes": space.sizes, "renderer_version": RENDERER_VERSION}
        small = {name: np.array(value, dtype=np.int64) for name, value in arrays.items()}
        write_images(path, shape, images, **small)
