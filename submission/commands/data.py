"""`python -m submission data`: list, fetch, check, render and show image files."""

import shlex
from collections.abc import Sequence
from pathlib import Path

import click

from submission.console import say
from submission.data.axes import check_axes
from submission.data.catalogue import FACTOR_NAMES, MPI3D_NAMES, STANDIN_NAMES, default_grid, url_of
from submission.data.check import check_checksums, check_colors
from submission.data.download import download
from submission.data.image_set import file_of
from submission.data.images import DATASET_NAMES, open_images
from submission.data.listing import grid_text, list_data_sets, list_leftovers
from submission.data.order import check_order
from submission.errors import InputError, did_you_mean
from submission.server.environment import read_environment

__all__ = ["data"]

MPI3D_LIKE = (*MPI3D_NAMES, *STANDIN_NAMES)
CORRUPT_NOTE = (
    "note: the mpi3d_real that was served from May 2024 to April 2025 was corrupt; a copy from "
    "those months has to be fetched again"
)


FOLDER = click.option(
    "--folder",
    type=Path,
    callback=lambda context, parameter, value: value or read_environment().data_path,
    help="The data folder; by default DISENTANGLEMENT_LIB_DATA, else ./scratch/dataset.",
)


class DataSetName(click.ParamType[str]):
    """A data set's name on the command line; for another word the nearest name is proposed.

    Args:
        known: the names to choose from.
    """

    name = "name"

    def __init__(self, known: Sequence[str]) -> None:
        self._known = tuple(known)

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Returns a known name as it is; fails with click's own error for another."""
        if value not in self._known:
            hint = did_you_mean(value, self._known, f"known are {', '.join(self._known)}")
            self.fail(f"expected a data set's name, got {value!r}; {hint}", param, ctx)
        return value

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None) -> str:
        """Names the choices where none is given."""
        return f"Known are {', '.join(self._known)}"


@click.group()
def data() -> None:
    """List, fetch, check, render and show image files."""


@data.command("list", short_help="List the known data sets, and what of them is here.")
@FOLDER
def list_(folder: Path) -> None:
    """List the known data sets, what of them is here, and files that can be deleted."""
    lines = list_data_sets(folder)
    say(f"data folder: {folder}")
    widths = [max(len(line[column]) for line in lines) for column in range(2)]
    for name, grid, state in lines:
        say(f"{name:<{widths[0]}}  {grid:<{widths[1]}}  {state}")
    leftovers = list_leftovers(folder)
    if leftovers:
        say("files that can be deleted to free space:")
    for path, what in leftovers:
        say(f"  {path.stat().st_size:>14,} bytes, {what}: rm {shlex.quote(str(path))}")


@data.command(short_help="Fetch an MPI3D file and check it.")
@click.argument("name", type=DataSetName(MPI3D_NAMES))
@FOLDER
@click.option("--url", help="Where to fetch it from, instead of the place that is known.")
@click.option("--force", is_flag=True, help="Fetch it even if it is here.")
def fetch(name: str, folder: Path, url: str | None, force: bool) -> None:
    """Fetch an MPI3D file and check it; an interrupted fetch continues where it stopped.

    NAME is one that begins with mpi3d in `data list`.
    """
    path = file_of(name, folder)
    if name == "mpi3d_real":
        say(CORRUPT_NOTE)
    if path.exists() and not force:
        say(f"{path} is here already; checking it")
        _check(name, folder, quick=False)
        return
    download(url_of(name) if url is None else url, path)
    try:
        _check(name, folder, quick=False)
    except InputError as error:
        refused = path.with_name(f"{path.name}.refused")
        path.replace(refused)
        raise InputError(f"{error}; what was fetched is kept as {refused}") from error


@data.command(short_help="Check a file: structure, colours, order, axes and checksums.")
@click.argument("name", type=DataSetName(DATASET_NAMES))
@FOLDER
@click.option("--quick", is_flag=True, help="Sample the images only; do not read the whole file.")
def check(name: str, folder: Path, quick: bool) -> None:
    """Check the file of the data set NAME: structure, colours, order, axes and checksums.

    `data list` shows the names.
    """
    _check(name, folder, quick)


def _check(name: str, folder: Path, quick: bool) -> None:
    """Checks a file and says what was found.

    Raises:
        InputError: at the first fault, or if the file changes meanwhile.
    """
    image_set = open_images(name, folder)
    say(f"structure: {image_set.path} holds the grid {grid_text(image_set.space)}")
    checks = [check_colors, check_order, check_axes] if name in MPI3D_LIKE else []
    untested = [] if checks else ["colours", "order", "axes"]
    if not quick:
        checks.append(check_checksums)
    doubts = 0
    for find in checks:
        for finding in find(image_set):
            say(finding.text)
            doubts += finding.is_doubt
            if finding.is_partial:
                untested.append(finding.text.partition(":")[0])
    image_set.require_unchanged()
    if quick:
        untested.append("checksums, because of --quick")
    if doubts:
        say(f"{name} may not be what its name says: see the lines above that say what was expected")
    elif untested:
        say(f"no fault was found in {name}; not tested, or only in part: {', '.join(untested)}")
    else:
        say(f"{name} is sound")


@data.command()
@click.argument("name", type=DataSetName(STANDIN_NAMES))
@click.option(
    "--grid",
    help="Seven factor sizes; 6,6,2,3,3,40,40 is the full set of 12.7 GB. By default, the first "
    "five are the set's own, and each axis has 8.",
)
@FOLDER
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Seed of the random parts of images."
)
@click.option("--force", is_flag=True, help="Render it even if it is here.")
def render(name: str, grid: str | None, folder: Path, seed: int, force: bool) -> None:
    """Render a stand-in set.

    NAME is one that begins with standin in `data list`.
    """
    from submission.data.standin.render import render_file

    words = (grid or ",".join(map(str, default_grid(name)))).replace(" ", "").split(",")
    if len(words) != len(FACTOR_NAMES) or not all(word.isdecimal() for word in words):
        raise InputError(f"expected seven sizes such as 6,6,2,3,3,8,8 for --grid, got {grid!r}")
    path, sizes = file_of(name, folder), tuple(map(int, words))
    if path.exists() and not force:
        here = open_images(name, folder).space
        if here.sizes == sizes and not seed:
            say(f"{path} is here already; data render --force renders it anew")
            return
        wanted = ",".join(map(str, sizes))
        raise InputError(
            f"expected the grid {wanted} in {path}, got {grid_text(here)}, of a seed that is not "
            "known; that file can be used as it is (by run.sh without STANDIN_GRID); to replace "
            f"it: python -m submission data render {name} --grid {wanted} --seed {seed} --folder "
            f"{shlex.quote(str(folder))} --force"
        )
    say(f"rendering {name} (the first time, the renderer is compiled for half a minute)")
    render_file(name, sizes, path, seed)
    say(f"rendered {path}, {path.stat().st_size:,} bytes")


@data.command(short_help="Draw a contact sheet of a set's images.")
@click.argument("name", type=DataSetName(DATASET_NAMES))
@FOLDER
@click.option(
    "--output",
    type=Path,
    default=Path("sheet.png"),
    show_default=True,
    help="The picture to write.",
)
def show(name: str, folder: Path, output: Path) -> None:
    """Draw a contact sheet of images of the data set NAME; `data list` shows the names."""
    from submission.data.show import save_contact_sheet

    image_set = open_images(name, folder)
    save_contact_sheet(image_set.images, image_set.space, output)
    say(f"wrote {output}")
