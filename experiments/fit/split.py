"""Which labelled images fit a look and which judge it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from experiments.labelled_sample import read_sample
from submission.errors import InputError
from submission.scoring.arrays import IntArray

__all__ = ["Shots", "read_shots"]

SEED = 19
"""Of the split in two halves."""


@dataclass(frozen=True, eq=False)
class Shots:
    """Images of one domain with all their factor values.

    Attributes:
        images: (n, 64, 64, 3) levels.
        factors: (n, 7) values.
        fits: (n,) whether an image is of the half that fits.
        exact: (n,) whether its levels were stored without loss.
    """

    images: npt.NDArray[np.uint8]
    factors: IntArray
    fits: npt.NDArray[np.bool_]
    exact: npt.NDArray[np.bool_]

    def where(self, chosen: npt.NDArray[np.bool_] | IntArray) -> "Shots":
        """Keeps the images that a mask or their numbers choose."""
        return Shots(
            self.images[chosen], self.factors[chosen], self.fits[chosen], self.exact[chosen]
        )


def read_shots(path: Path, domain: str) -> Shots:
    """Reads the images of a domain whose factor values are all known.

    A generator of seed 19 puts each image of the file into one of two halves. A member `exact` of
    the file says which images were stored without loss; where it is missing, or says it of none of
    the domain's, all count as exact. Images that were resampled, as a member `quality` says, are
    left out.

    Args:
        path: the file, as `read_sample` describes it.
        domain: as the file calls it, such as real.

    Raises:
        InputError: if there are none.
    """
    sample = read_sample(path)
    count = len(sample.images)
    with np.load(path, allow_pickle=False) as file:
        exact = file["exact"] if "exact" in file else np.ones(count, dtype=bool)
        quality = file["quality"] if "quality" in file else np.full(count, "")
    fits = np.random.default_rng(SEED).random(count) < 0.5
    chosen = (sample.domains == domain) & (sample.labels >= 0).all(axis=1)
    chosen &= np.char.find(quality, "resampled") < 0
    if not chosen.any():
        raise InputError(
            f"expected images of {domain} with all labels in {path}, "
            f"got domains {', '.join(np.unique(sample.domains))}"
        )
    exact = exact[chosen] if exact[chosen].any() else np.ones(chosen.sum(), dtype=bool)
    return Shots(sample.images[chosen], sample.labels[chosen], fits[chosen], exact)
