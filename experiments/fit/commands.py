"""The commands that fit looks to labelled images and show how near they are."""

from pathlib import Path

import click
import numpy as np

from experiments.fit.fit import STAGES, fit_stage
from experiments.fit.judge import judge, rendered, table_of
from experiments.fit.sheet import draw_sheet
from experiments.fit.split import read_shots
from submission.console import say
from submission.data.standin.look import FOLDER, look_named, write_look
from submission.files import replacing

__all__ = ["fit", "sheet"]

DOMAINS = ("toy", "realistic", "real")
SHOWN = (*DOMAINS, "real_complex")


@click.command()
@click.argument("domain", type=click.Choice(DOMAINS))
@click.option("--images", type=Path, required=True, help="An .npz file: images, labels, domain.")
@click.option("--stage", "stages", type=click.Choice(STAGES), multiple=True, help="Default: all.")
@click.option("--num-images", type=click.IntRange(6), default=24, show_default=True)
def fit(domain: str, images: Path, stages: tuple[str, ...], num_images: int) -> None:
    """Fit a domain's look to half of labelled images, and judge it by the other half.

    Each stage starts from the look that the package has and writes what it found in its place.

    Example: python -m experiments fit real --images samples.npz --stage paint
    """
    name = f"standin_{domain}"
    shots = read_shots(images, domain)
    look = look_named(name)
    for stage in stages or STAGES:
        say(f"{name}: {stage}")
        look = fit_stage(look, shots.where(shots.fits), stage, num_images, say)
        write_look(look, FOLDER / f"{name}.json")
    say(table_of(judge(look, shots, rendered(look, shots)), shots))


@click.command()
@click.argument("images", type=Path)
@click.option("--domain", "domains", type=click.Choice(SHOWN), multiple=True, help="Default: all.")
@click.option("--sample", "count", type=click.IntRange(1), default=36, show_default=True)
@click.option("--output", type=Path, default=Path("scratch/sheets"), show_default=True)
def sheet(images: Path, domains: tuple[str, ...], count: int, output: Path) -> None:
    """Draw labelled images, our renders below them, and the differences below these.

    Example: python -m experiments sheet samples.npz --domain real
    """
    for domain in domains or SHOWN:
        shots = read_shots(images, domain)
        look = look_named(f"standin_{domain}")
        judging = np.flatnonzero(~shots.fits & shots.exact)
        random = np.random.default_rng(0)
        rows = random.choice(judging, min(count, len(judging)), replace=False)
        rows = rows[np.lexsort(shots.factors[rows][:, [6, 0, 3]].T)]
        chosen = shots.where(rows)
        with replacing(output / f"{domain}.png") as beside:
            beside.write_bytes(draw_sheet(chosen.images, rendered(look, chosen)))
        say(f"written: {output / f'{domain}.png'}")
