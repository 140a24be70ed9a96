"""The rows of docs/results.md: a preset, what is changed in it, the grid and how many trainings."""

from dataclasses import dataclass

__all__ = ["ABLATIONS", "GRID", "MAIN", "ROWS", "SMALL_GRID", "Row", "find_row"]

GRID = "6,6,2,3,3,10,10"
SMALL_GRID = "6,6,2,3,3,5,5"


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
        ("Fit.num_images=16200",),
    ),
    Row("heads", "the heads' expected values as a code (reference)", "heads", num_seeds=1),
    Row("best-small-grid", "best.gin on a second grid", "best", grid=SMALL_GRID),
)


def _small(name: str, title: str, *overrides: str, preset: str = "quick", seeds: int = 1) -> Row:
    return Row(name, title, preset, overrides, SMALL_GRID, seeds)


ABLATIONS = {
    "The paper's VAE": (
        _small("quick", "quick.gin", seeds=2),
        _small("l2-off", "without L2 norm", "Extract.kind='unnormalised'", "Fit.sigmoid=False"),
        _small("c8", "C = 8", "Fit.num_latents=8"),
        _small("c10", "C = 10", "Fit.num_latents=10"),
        _small("c32", "C = 32", "Fit.num_latents=32"),
        _small("beta-01", "beta ends at .1", "Fit.beta_end=0.1"),
        _small("beta-16", "beta ends at 1.6", "Fit.beta_end=1.6"),
        _small("no-annealing", "no annealing", "Fit.beta_start=0.4"),
    ),
    "Features, with the paper's VAE": (
        _small("pool-average", "finetuned trunk, average pooling", "Extract.kind='average'"),
        _small("pool-max", "finetuned trunk, max pooling", "Extract.kind='max'"),
        _small("pool-rmac", "finetuned trunk, R-MAC pooling", "Extract.kind='rmac'"),
        _small(
            "random-trunk",
            "random trunk, average pooling",
            "Extract.kind='average'",
            "Extract.weights='random'",
            "Extract.adaptation_images=2048",
        ),
        _small("adapted", "batch norms adapted", "Extract.adaptation_images=4096"),
    ),
    "best.gin": (
        _small("one-copy", "one copy of each latent", "Fit.num_copies=1", preset="best", seeds=5),
        _small(
            "not-adapted", "batch norms as they are", "Extract.adaptation_images=0", preset="best"
        ),
        _small("best-beta-low", "a quarter of beta", "Fit.beta_end=0.05", preset="best"),
        _small("best-beta-high", "four times beta", "Fit.beta_end=0.8", preset="best"),
        _small("images-1000", "1,000 images", "Fit.num_images=1000", preset="best"),
        _small("images-4000", "4,000 images", "Fit.num_images=4000", preset="best"),
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
