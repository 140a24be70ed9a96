"""The rows of docs/results.md: a preset, what is changed in it, the grid and how many trainings."""

from dataclasses import dataclass
from functools import partial

__all__ = ["ABLATIONS", "GRID", "MAIN", "ROWS", "SMALL_GRID", "Row", "find_row"]

GRID = "6,6,2,3,3,10,10"
SMALL_GRID = "6,6,2,3,3,5,5"
QUARTER = 16_200
"""A quarter of the grid's images."""


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes:
        name: of its results file, and on the command line.
        title: what a reader is told.
        preset: gin file in `configs/`, without its ending.
        overrides: settings that differ from it.
        grid: of standin_real.
        num_seeds: trainings, with seeds 0, 1, ...
    """

    name: str
    title: str
    preset: str
    overrides: tuple[str, ...] = ()
    grid: str = GRID
    num_seeds: int = 5

    @property
    def sizes(self) -> tuple[int, ...]:
        """The grid's seven factor sizes."""
        return tuple(int(size) for size in self.grid.split(","))

    @property
    def command(self) -> str:
        """What trains the row's first seed, on its own."""
        words = [f"STANDIN_GRID={self.grid} ./run.sh configs/{self.preset}.gin {self.name}"]
        words += [f"--set {line!r}" if "'" in line else f"--set {line}" for line in self.overrides]
        return " ".join(words)


MAIN = (
    Row("best", "best.gin: a latent per factor", "best"),
    Row("paper", "paper.gin: the paper's VAE", "paper"),
    Row(
        "paper-quarter",
        "paper.gin, trained on a quarter of the images",
        "paper",
        (f"Fit.num_images={QUARTER}",),
    ),
    Row("heads", "the heads' expected values as a code (reference)", "heads", num_seeds=1),
    Row("best-small-grid", "best.gin on a second grid", "best", grid=SMALL_GRID),
)


def _ablation(
    name: str, title: str, *overrides: str, preset: str, grid: str = GRID, num_seeds: int = 1
) -> Row:
    return Row(name, title, preset, overrides, grid, num_seeds)


_QUARTER = f"Fit.num_images={QUARTER}"
_vae = partial(_ablation, preset="quick")
_features = partial(_ablation, preset="quick", grid=SMALL_GRID)
_best = partial(_ablation, preset="best")

ABLATIONS = {
    "The paper's VAE, 30 epochs, trained on a quarter of the images": (
        _vae("quick-quarter", "quick.gin", _QUARTER),
        _vae("c8", "C = 8", "Fit.num_latents=8", _QUARTER),
        _vae("c10", "C = 10", "Fit.num_latents=10", _QUARTER),
        _vae("c32", "C = 32", "Fit.num_latents=32", _QUARTER),
        _vae("beta-low", "beta ends at .1", "Fit.beta_end=0.1", _QUARTER),
        _vae("beta-high", "beta ends at 1.6", "Fit.beta_end=1.6", _QUARTER),
        _vae("no-annealing", "no annealing", "Fit.beta_start=0.4", _QUARTER),
        _vae("quick-adapted", "batch norms adapted", "Extract.adaptation_images=4096", _QUARTER),
    ),
    "Features, with the paper's VAE, 30 epochs, on a grid of 16,200 images": (
        _features("learned", "quick.gin: finetuned trunk, learned aggregation, L2 norm"),
        _features("l2-off", "without L2 norm", "Extract.kind='unnormalised'", "Fit.sigmoid=False"),
        _features("average", "average pooling", "Extract.kind='average'"),
        _features("max", "max pooling", "Extract.kind='max'"),
        _features("rmac", "R-MAC pooling", "Extract.kind='rmac'"),
        _features(
            "random",
            "random trunk, average pooling",
            "Extract.kind='average'",
            "Extract.weights='random'",
            "Extract.adaptation_images=2048",
        ),
    ),
    "best.gin": (
        _best("one-copy", "one copy of each latent", "Fit.num_copies=1", num_seeds=5),
        _best("not-adapted", "batch norms as they are", "Extract.adaptation_images=0"),
        _best("best-beta-low", "a quarter of beta", "Fit.beta_end=0.05"),
        _best("best-beta-high", "four times beta", "Fit.beta_end=0.8"),
        _best("images-1000", "trained on 1,000 images", "Fit.num_images=1000"),
        _best("images-4000", "trained on 4,000 images", "Fit.num_images=4000"),
        _best("images-16200", "trained on 16,200 images", "Fit.num_images=16200"),
    ),
}

ROWS = (*MAIN, *(row for rows in ABLATIONS.values() for row in rows))


def find_row(name: str) -> Row:
    """Finds a row by its name.

    Raises:
        ValueError: if there is none.
    """
    for row in ROWS:
        if row.name == name:
            return row
    raise ValueError(f"expected one of {', '.join(row.name for row in ROWS)}, got {name!r}")
