"""The published image sets: names, factor grids, checksums and colour statistics."""

from dataclasses import dataclass
from pathlib import Path

from submission.errors import InputError
from submission.factors import FactorSpace

__all__ = [
    "FACTOR_NAMES",
    "FULL_GRID",
    "MPI3D_NAMES",
    "STANDIN_NAMES",
    "VARIANTS",
    "Variant",
    "command_for",
    "default_grid",
    "full_grid",
    "has_everyday_objects",
    "published_like",
    "renewal",
    "url_of",
    "variant_of",
]

FACTOR_NAMES = (
    "object_color",
    "object_shape",
    "object_size",
    "camera_height",
    "background_color",
    "horizontal_axis",
    "vertical_axis",
)
SERVED = ("mpi3d_toy", "mpi3d_realistic", "mpi3d_real")
"""Sets of MPI3D that a known place serves."""

MPI3D_NAMES = (*SERVED, "mpi3d_real_complex")
STANDIN_NAMES = (
    "standin_toy",
    "standin_realistic",
    "standin_real",
    "standin_real_complex",
    "standin_validation",
)
"""The last has no published set: it is for choosing settings."""

RENDERER_VERSION = 6
"""Of the stand-ins' looks: 1 was set by eye, later ones are fitted to published images of MPI3D."""

FULL_GRID = (6, 6, 2, 3, 3, 40, 40)
"""Factor sizes of the published sets."""

Triple = tuple[float, float, float]

SMALL_GRID = (4, 4, 2, 3, 3, 40, 40)
"""Factor sizes of the sets of the challenge's time, and of mpi3d_real_complex."""


@dataclass(frozen=True)
class Variant:
    """One version of an MPI3D data set.

    Mean and std are the channel statistics of the published full sets.

    Attributes:
        name: the data set's name.
        sizes: how many values each of the seven factors has.
        md5: of the whole `.npz` file, where it is known.
        mean: of the red, green and blue channel over all images, in 0..1, where it is known.
        std: standard deviation of each channel over all pixels, in 0..1, where it is known.
    """

    name: str
    sizes: tuple[int, ...]
    md5: str | None = None
    mean: Triple | None = None
    std: Triple | None = None

    @property
    def space(self) -> FactorSpace:
        """The factor grid."""
        return FactorSpace(FACTOR_NAMES, self.sizes)


VARIANTS = (
    Variant(
        "mpi3d_toy",
        FULL_GRID,
        "55889cb7c7dfc655d6e0277beee88868",
        (0.224, 0.221, 0.226),
        (0.069, 0.063, 0.076),
    ),
    Variant(
        "mpi3d_realistic",
        FULL_GRID,
        "59a6225b88b635365f70c91b3e52f70f",
        (0.180, 0.205, 0.181),
        (0.087, 0.093, 0.092),
    ),
    Variant(
        "mpi3d_real",
        FULL_GRID,
        "0f33f609918fb5c97996692f91129802",
        (0.128, 0.165, 0.140),
        (0.093, 0.092, 0.103),
    ),
    Variant("mpi3d_toy", SMALL_GRID),
    Variant("mpi3d_realistic", SMALL_GRID),
    Variant("mpi3d_real_complex", SMALL_GRID),
)


def variant_of(name: str, num_images: int) -> Variant:
    """Recognises a data set by its name and number of images.

    Raises:
        InputError: if no variant of that name has so many images; the message has the arithmetic.

    Example:
        >>> variant_of("mpi3d_real", 1_036_800).sizes
        (6, 6, 2, 3, 3, 40, 40)
    """
    named = [variant for variant in VARIANTS if variant.name == name]
    if not named:
        raise InputError(f"expected one of {', '.join(MPI3D_NAMES)}, got {name!r}")
    for variant in named:
        if variant.space.num_points == num_images:
            return variant
    grids = " or ".join(
        f"{' x '.join(map(str, variant.sizes))} = {variant.space.num_points:,}" for variant in named
    )
    raise InputError(
        f"expected one row for each image of {name}, {grids}, got {num_images:,}; fetch images "
        "again, or name the grid of other rows by its sizes"
    )


def full_grid(standin: str) -> tuple[int, ...]:
    """Returns the largest factor sizes of a stand-in, those of the set that it stands for.

    Example:
        >>> full_grid("standin_real")
        (6, 6, 2, 3, 3, 40, 40)
        >>> full_grid("standin_real_complex")
        (4, 4, 2, 3, 3, 40, 40)
    """
    published = standin.replace("standin_", "mpi3d_")
    named = (variant.sizes for variant in VARIANTS if variant.name == published)
    return max(named, default=FULL_GRID)


def default_grid(standin: str) -> tuple[int, ...]:
    """Returns the factor sizes of a stand-in that is rendered without a wish for others.

    Example:
        >>> default_grid("standin_real")
        (6, 6, 2, 3, 3, 8, 8)
    """
    return *full_grid(standin)[:5], 8, 8


def has_everyday_objects(name: str) -> bool:
    """Tells whether a set's colours and shapes are not those of the other sets of MPI3D.

    Heads that learnt the others' values cannot read these two factors of it.

    Example:
        >>> has_everyday_objects("standin_real_complex"), has_everyday_objects("mpi3d_real")
        (True, False)
    """
    return name.endswith("real_complex")


def published_like(name: str, space: FactorSpace) -> Variant | None:
    """Finds the published set whose colour statistics these images have; None where unknown.

    A stand-in looks like the set that it stands in for. The statistics hold for grids that
    have all values of the first five factors and both ends of the two axes.

    Example:
        >>> published_like("standin_toy", variant_of("mpi3d_toy", 1_036_800).space).name
        'mpi3d_toy'
    """
    published = name.replace("standin_", "mpi3d_")
    for variant in VARIANTS:
        whole = space.sizes[:5] == variant.sizes[:5] and min(space.sizes[5:]) > 1
        if variant.name == published and variant.mean is not None and whole:
            return variant
    return None


def renewal(path: Path) -> str:
    """Says how a damaged file of the data folder is replaced.

    Example:
        >>> renewal(Path("data/standin_toy/standin_toy.npz"))
        'render it again'
        >>> renewal(Path("data/mpi3d_toy/mpi3d_toy.npz"))
        'fetch it again'
        >>> renewal(Path("data/dummy_data/dummy_data.npz"))
        'delete it and it is converted again'
    """
    if path.stem in STANDIN_NAMES:
        return "render it again"
    if path.stem in MPI3D_NAMES or path.parent.name != path.stem:
        return "fetch it again"
    return "delete it and it is converted again"


def command_for(name: str) -> str:
    """Gives the command that gets a stand-in or a set of MPI3D.

    Example:
        >>> command_for("mpi3d_real_complex")
        'python -m submission data fetch mpi3d_real_complex --url ADDRESS'
    """
    if name in STANDIN_NAMES:
        return f"python -m submission data render {name}"
    return f"python -m submission data fetch {name}{'' if name in SERVED else ' --url ADDRESS'}"


def url_of(name: str) -> str:
    """Names the place that serves an MPI3D file.

    Raises:
        InputError: if no place is known.

    Example:
        >>> url_of("mpi3d_toy").rpartition("/")[2]
        'mpi3d_toy.npz'
    """
    if name not in SERVED:
        raise InputError(f"no place is known that serves {name}; give one with --url")
    return f"https://huggingface.co/datasets/waleedgondal/mpi3d/resolve/main/{name}.npz"
