"""The rows of docs/results.md: a preset, what is changed in it, the grid and how many trainings."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from experiments.earlier import Earlier
from experiments.finetuning import REAL, Finetuning, shell_line
from experiments.imagenet import ImageNet
from experiments.own_extractor import OwnExtractor
from submission.errors import InputError

__all__ = [
    "ABLATIONS",
    "GRID",
    "MAIN",
    "ROWS",
    "UNPREPARED",
    "Row",
    "find_row",
    "sizes_of",
]

GRID = "6,6,2,3,3,5,5"
EARLIER_GRID = "6,6,2,3,3,10,10"
SMALL_GRID = "6,6,2,3,3,3,3"
COMPLEX = "standin_real_complex"
COMPLEX_GRID = "4,4,2,3,3,5,5"
EARLIER = Earlier("478f60f", "9a667a86b09cbe34e4b578271fca4a12c659ed80924d427b9a2aed1f97ed98a3")
"""The weights before the last 4,736,000 images of version 1 of the renderer."""
VERSION_1 = Earlier("9da4471", "e17925c7715d1a8658d2980f2b1ab8dfbdd98daba7fef9d7f2c0d889af7f28de")
"""The last weights that saw version 1 of the renderer only."""
LITE = ImageNet(
    "efficientnet-lite0", "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
)
"""A small network of ImageNet, whose weights a package has."""


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes:
        name: of its results file, and on the command line.
        title: what a reader is told.
        preset: gin file in `configs/`, without its ending.
        overrides: settings that differ from it.
        grid: of the images.
        num_seeds: trainings, with seeds 0, 1, ...
        extractor: of its own; None for the one that ships.
        domain: the stand-in.
    """

    name: str
    title: str
    preset: str
    overrides: tuple[str, ...] = ()
    grid: str = GRID
    num_seeds: int = 5
    extractor: OwnExtractor | None = None
    domain: str = REAL

    @property
    def settings(self) -> tuple[str, ...]:
        """What is changed in the preset, the row's own extractor included."""
        if self.extractor is None:
            return self.overrides
        return (f"Extract.weights='{self.extractor.weights}'", *self.overrides)

    @property
    def command(self) -> str:
        """What trains the row's first seed, on its own."""
        before = self.extractor.commands if self.extractor else ()
        if isinstance(self.extractor, ImageNet):
            return "; ".join([*before, f"python -m experiments run {self.name}"])
        words = ["./run.sh", f"configs/{self.preset}.gin", self.name]
        words += [word for line in self.settings for word in ("--set", line)]
        named = "" if self.domain == REAL else f"AICROWD_DATASET_NAME={self.domain} "
        run = f"{named}STANDIN_GRID={self.grid} {shell_line(words)}"
        return "; ".join([*before, run])


_PAPER_EARLIER = Row(
    "paper-earlier",
    "paper.gin, on weights of 361,600 images",
    "paper",
    grid=EARLIER_GRID,
    extractor=EARLIER,
)
_HEADS = "the heads' expected values as a code"

MAIN = (
    Row("best", "best.gin: a latent per factor", "best"),
    Row("paper", "paper.gin: the paper's VAE", "paper", num_seeds=1),
    Row("heads", f"{_HEADS} (reference)", "heads", num_seeds=1),
)

_complex = partial(Row, grid=COMPLEX_GRID, domain=COMPLEX)

UNPREPARED = (
    _complex("best-complex", "best.gin: a latent per factor", "best"),
    _complex("paper-complex", "paper.gin: the paper's VAE", "paper", num_seeds=1),
    _complex("heads-complex", f"{_HEADS} (reference)", "heads", num_seeds=1),
)
"""On data with colours and shapes of its own, which nothing was chosen on."""


def _ablation(
    name: str,
    title: str,
    *overrides: str,
    preset: str,
    grid: str = EARLIER_GRID,
    num_seeds: int = 3,
    extractor: OwnExtractor | None = EARLIER,
) -> Row:
    return Row(name, title, preset, overrides, grid, num_seeds, extractor)


_vae = partial(_ablation, preset="quick")
_SIXTY_EPOCHS = ("Fit.num_epochs=60", "Fit.anneal_start=6", "Fit.anneal_end=30")


def _features(name: str, title: str, *overrides: str, extractor: Earlier | None = EARLIER) -> Row:
    changed = (*_SIXTY_EPOCHS, *overrides)
    return _ablation(name, title, *changed, preset="paper", grid=GRID, extractor=extractor)


_NOT_TUNED = "Adapt.num_tuning_images=0"


def _best(name: str, title: str, *overrides: str, grid: str = EARLIER_GRID, **further: Any) -> Row:
    """A change of adapted.gin as it was before its views were made separate."""
    changed = (*overrides, "Fit.views='plain'")
    return _ablation(name, title, *changed, preset="adapted", grid=grid, **further)


_best_small = partial(_best, grid=GRID)
_views = partial(_ablation, preset="adapted", grid=GRID, extractor=VERSION_1)
_earlier = partial(_ablation, num_seeds=5, extractor=VERSION_1)
_small = partial(Row, preset="paper", grid=SMALL_GRID, num_seeds=1)


def _adapted(num_images: int, num_seeds: int = 3) -> Row:
    return _best_small(
        f"adapted-{num_images}",
        f"not tuned, batch norms adapted to {num_images:,}",
        _NOT_TUNED,
        f"Adapt.num_norm_images={num_images}",
        num_seeds=num_seeds,
    )


def _finetuned(name: str, title: str, *data: str, overrides: tuple[str, ...] = ()) -> Row:
    return _best_small(name, title, _NOT_TUNED, extractor=Finetuning(name, data, overrides))


# Each group begins with what its other rows are a change of.
ABLATIONS = {
    "Presets on version 1": (
        _earlier("best-version-1", "adapted.gin", preset="adapted"),
        _earlier("paper-version-1", "paper.gin", preset="paper"),
        _PAPER_EARLIER,
        _earlier(
            "heads-version-1",
            f"{_HEADS} (reference)",
            "Adapt.num_tuning_images=9600",
            "Adapt.num_norm_images=4096",
            preset="heads",
            num_seeds=1,
        ),
    ),
    "The paper's VAE, 30 epochs unless said otherwise": (
        _vae("quick", "quick.gin"),
        _PAPER_EARLIER,
        _ablation(
            "paper-quarter",
            "paper.gin, a quarter of the images",
            "Fit.num_images=16200",
            preset="paper",
        ),
        _vae("c8", "C = 8", "Fit.num_latents=8"),
        _vae("c10", "C = 10", "Fit.num_latents=10"),
        _vae("c32", "C = 32", "Fit.num_latents=32"),
        _vae("beta-low", "beta ends at 0.1", "Fit.beta_end=0.1"),
        _vae(
            "beta-high", "beta ends at 1.6: all latents collapse", "Fit.beta_end=1.6", num_seeds=1
        ),
        _vae("no-annealing", "no annealing", "Fit.beta_start=0.4"),
        _vae("quick-adapted", "batch norms adapted", "Adapt.num_norm_images=4096"),
        _vae(
            "quick-tuned",
            "extractor tuned, batch norms adapted",
            "Adapt.num_tuning_images=9600",
            "Adapt.num_norm_images=4096",
        ),
    ),
    "Features, with the paper's VAE, 60 epochs, on a grid of 16,200 images": (
        _features("learned", "finetuned trunk, learned aggregation, L2 norm"),
        _features("l2-off", "without L2 norm", "Extract.kind='unnormalised'", "Fit.sigmoid=False"),
        _features("average", "average pooling", "Extract.kind='average'"),
        _features("max", "max pooling", "Extract.kind='max'"),
        _features("rmac", "R-MAC pooling", "Extract.kind='rmac'"),
        _features(
            "random",
            "random trunk, average pooling",
            "Extract.kind='average'",
            "Extract.weights='random'",
            "Adapt.num_norm_images=2048",
            extractor=None,
        ),
    ),
    "adapted.gin": (
        _best("best-earlier", "adapted.gin", num_seeds=5),
        _best("not-tuned", "batch norms adapted, extractor not tuned", _NOT_TUNED, num_seeds=5),
        _best(
            "not-adapted",
            "extractor as finetuning made it",
            _NOT_TUNED,
            "Adapt.num_norm_images=0",
        ),
        _best("one-copy", "one copy of each latent", "Fit.num_copies=1"),
        _best("best-beta-low", "beta ends at 0.2", "Fit.beta_end=0.2"),
        _best("best-beta-high", "beta ends at 2", "Fit.beta_end=2.0"),
        _best("images-1000", "trained on 1,000 images", "Fit.num_images=1000"),
        _best("images-4000", "trained on 4,000 images", "Fit.num_images=4000"),
        _best("images-16200", "trained on 16,200 images", "Fit.num_images=16200"),
    ),
    "adapted.gin on a grid of 16,200 images": (
        _best_small("best-small-grid-earlier", "adapted.gin", num_seeds=5),
        _best_small("tuned-2400", "tuned to 2,400 images", "Adapt.num_tuning_images=2400"),
        _best_small("tuned-4800", "tuned to 4,800 images", "Adapt.num_tuning_images=4800"),
        _best_small("tuned-16200", "tuned to all images", "Adapt.num_tuning_images=16200"),
        _best_small("axes-free", "tuned, axes not held", "Adapt.axis_weight=0.0"),
        _best_small("tuned-again", "tuned with another seed", "Adapt.seed=1"),
        _adapted(4096, num_seeds=5),
        _adapted(1024),
        _adapted(256),
        _adapted(0),
    ),
    "Finetuning a VGG11-BN from a random start; best.gin, not tuned, on a grid of 16,200 images": (
        _finetuned("both", "toy and realistic", "standin_toy", "standin_realistic"),
        _finetuned("toy-only", "toy only", "standin_toy"),
        _finetuned("realistic-only", "realistic only", "standin_realistic"),
        _finetuned(
            "no-augmentation",
            "both, without augmentation",
            "standin_toy",
            "standin_realistic",
            overrides=("Finetune.augmentation=0.0",),
        ),
    ),
    "adapted.gin with the extractor of commit 9da4471, on a grid of 16,200 images": (
        _views("views-separate", "adapted.gin", num_seeds=5),
        _views("views-unit", "views not separated", "Fit.views='unit'"),
        _views("views-plain", "nor of unit length", "Fit.views='plain'"),
    ),
    "Features of an ImageNet network, not finetuned": (
        _small("learned-small", "finetuned trunk, learned aggregation, L2 norm"),
        _small(
            "imagenet-rmac",
            "EfficientNet-lite0 of ImageNet, R-MAC pooling",
            overrides=("Extract.kind='stage1'",),
            extractor=LITE,
        ),
    ),
}

ROWS = tuple(
    dict.fromkeys((*MAIN, *UNPREPARED, *(row for rows in ABLATIONS.values() for row in rows)))
)


def find_row(name: str) -> Row:
    """Finds a row by its name.

    Raises:
        InputError: if there is none.
    """
    for row in ROWS:
        if row.name == name:
            return row
    raise InputError(f"expected one of {', '.join(row.name for row in ROWS)}, got {name!r}")


def sizes_of(grid: str) -> tuple[int, ...]:
    """The seven factor sizes of a grid, as it is written on the command line."""
    return tuple(int(size) for size in grid.split(","))
