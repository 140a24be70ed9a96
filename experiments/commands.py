"""The commands of `python -m experiments`: run rows, write docs/results.md from what was run.

Each imports what it needs when it begins to work, so that help shows at once.
"""

from pathlib import Path

import click

from submission.cli import CommandGroup
from submission.console import say
from submission.errors import InputError
from submission.files import replacing
from submission.server.environment import read_environment

__all__ = ["experiments"]


FITTING = {
    "fit": "Fit a domain's look to half of labelled images.",
    "sheet": "Draw labelled images, our renders below them, and the differences.",
}

experiments = CommandGroup(
    "Make the tables of docs/results.md.", FITTING, "experiments.fit.commands"
)


@experiments.command("list")
def list_() -> None:
    """List the rows and how many of their trainings are done."""
    from experiments.rows import ROWS
    from experiments.run import read_results

    for row in ROWS:
        results = read_results(row)
        done = len(results["trainings"]) if results else 0
        say(f"{row.name:<18}{done}/{row.num_seeds}  {row.title}")


@experiments.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--seed", "seeds", type=click.IntRange(0), multiple=True, help="By default all.")
def run(names: tuple[str, ...], seeds: tuple[int, ...]) -> None:
    """Run rows; trainings that are done are not repeated."""
    from experiments.rows import find_row
    from experiments.run import run_row

    for row in [find_row(name) for name in names]:
        run_row(row, seeds or None)


@experiments.command()
@click.option("--num-images", type=click.IntRange(1), default=3000, show_default=True)
def card(num_images: int) -> None:
    """Measure the shipped heads on renders of each domain, and write it into the weights' card."""
    from experiments.card import measure_card

    measure_card(num_images)


@experiments.command()
@click.option("--images", type=Path, help="An .npz file: images, labels (-1: unknown), domain.")
@click.option("--where", multiple=True, help="Only some of its images, such as domain=real.")
@click.option("--factor", "factors", multiple=True, help="Only these factors; repeat for several.")
@click.option("--data", "name", help="A labelled data set in place of a file, such as mpi3d_real.")
@click.option("--sample", "count", type=click.IntRange(1), default=2000, show_default=True)
@click.option("--adapt", "config", type=Path, help="Adapt to the images as this preset does.")
@click.option("--model", type=Path, help="Score this exported file's codes in place of the heads.")
@click.option(
    "--output", type=Path, default=Path("scratch/accuracy"), show_default=True, help="A folder."
)
def accuracy(
    images: Path | None,
    where: tuple[str, ...],
    factors: tuple[str, ...],
    name: str | None,
    count: int,
    config: Path | None,
    model: Path | None,
    output: Path,
) -> None:
    """Measure how well labelled images are read, by factor and domain.

    Example: python -m experiments accuracy --data mpi3d_real --sample 2000
    """
    if (images is None) == (name is None):
        raise click.UsageError("expected one of --images FILE and --data NAME")
    from experiments.accuracy import measure_accuracies, score_model, shipped_extractor
    from experiments.labelled_sample import draw_sample, read_sample
    from submission.models.frozen import require_heads

    if images is not None:
        sample = read_sample(images, where)
    else:
        folder = read_environment().data_path
        sample = draw_sample(str(name), folder, count, require_heads(shipped_extractor()).sizes)
    if model is None:
        measure_accuracies(sample, factors, config, output)
        return
    for metric, score in score_model(sample, model).items():
        say(f"{metric:<12}{score:z.3f}")


@experiments.command()
@click.option("--set", "overrides", multiple=True, help="A setting, such as Finetune.seed=1.")
@click.option("--output", type=Path, default=Path("scratch/teach"), show_default=True)
def teach(overrides: tuple[str, ...], output: Path) -> None:
    """Finetune the weights that ship on renders whose look varies."""
    from experiments.teach import teach

    teach(output, overrides)


@experiments.command()
@click.argument("run")
def picture(run: str) -> None:
    """Draw the README's picture from the scores of a finished run."""
    from experiments.overview import draw_overview
    from experiments.run import RESULTS
    from submission.report.results import read_result

    path = read_environment().output_path / run / "representation/scores.json"
    scores = read_result(path).scores
    if scores.dci is None:
        raise InputError(f"expected DCI in {path}, got {tuple(scores.values())}; evaluate again")
    latents = [f"latent {c}" for c in range(scores.num_latents)]
    png = draw_overview(scores.dci.importances, latents, scores.factor_names)
    with replacing(RESULTS / "overview.png") as beside:
        beside.write_bytes(png)


@experiments.command()
def write() -> None:
    """Write the tables of README.md and docs/results.md, and the pictures beside the latter."""
    from experiments.document import write_document

    write_document()
