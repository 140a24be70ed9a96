"""A factor grid behind the interface that disentanglement_lib's functions take."""

import warnings
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from submission.data.image_set import ImageSet
from submission.factors import FactorSpace, IntArray

__all__ = ["GridData", "as_ground_truth"]


class GridData:
    """A data set in the library's sense whose observations are the numbers of grid points.

    It has the methods of `disentanglement_lib`'s `GroundTruthData` and draws the same factors as
    the library's own image sets, given the same random state.

    Example:
        >>> data = GridData(FactorSpace(("shape", "size"), (3, 4)))
        >>> factors, points = data.sample(5, np.random.RandomState(0))
        >>> bool((points == 4 * factors[:, 0] + factors[:, 1]).all())
        True
    """

    observation_shape: ClassVar[Any] = ()

    def __init__(self, space: FactorSpace, hidden: tuple[str, ...] = ()) -> None:
        """Takes the grid.

        Args:
            space: the whole grid.
            hidden: names of factors that are drawn at random and not reported.
        """
        self._space = space
        self._visible = [i for i, name in enumerate(space.names) if name not in hidden]
        self._hidden = [i for i, name in enumerate(space.names) if name in hidden]

    @property
    def num_factors(self) -> int:
        """F, the number of factors that are reported."""
        return len(self._visible)

    @property
    def factors_num_values(self) -> list[int]:
        """The number of values of each reported factor."""
        return [self._space.sizes[i] for i in self._visible]

    def sample_factors(self, num: int, random_state: np.random.RandomState) -> IntArray:
        """Draws (num, F) factor values, uniform and independent."""
        factors = np.zeros((num, self.num_factors), dtype=np.int64)
        for column, size in enumerate(self.factors_num_values):
            factors[:, column] = random_state.randint(size, size=num)
        return factors

    def sample_points(self, factors: IntArray, random_state: np.random.RandomState) -> IntArray:
        """Numbers the grid points of (n, F) factor values, drawing the hidden factors."""
        points: IntArray = factors @ self._space.strides[self._visible]
        for i in self._hidden:
            drawn = random_state.randint(self._space.sizes[i], size=len(factors))
            points = points + drawn * self._space.strides[i]
        return points

    def sample_observations_from_factors(
        self, factors: IntArray, random_state: np.random.RandomState
    ) -> Any:
        """Gives the (n,) observations of (n, F) factor values: the numbers of grid points."""
        return self.sample_points(factors, random_state)

    def sample(self, num: int, random_state: np.random.RandomState) -> tuple[IntArray, Any]:
        """Draws (num, F) factor values and their (num,) observations."""
        factors = self.sample_factors(num, random_state)
        return factors, self.sample_observations_from_factors(factors, random_state)

    def sample_observations(self, num: int, random_state: np.random.RandomState) -> Any:
        """Draws (num,) observations."""
        return self.sample(num, random_state)[1]


def as_ground_truth(image_set: ImageSet) -> Any:
    """Wraps an image set as disentanglement_lib's `GroundTruthData`, with the right sizes.

    Importing the library takes seconds, so it happens here.

    Args:
        image_set: the images; factors in its `hidden` are drawn at random and not reported.

    Returns:
        A `GroundTruthData`; observations are (n, 64, 64, 3) float64 in [0, 1]. It is pickled by
        the path of its images.

    Example:
        >>> from pathlib import Path
        >>> images = np.full((6, 64, 64, 3), 255, dtype=np.uint8)
        >>> toy = ImageSet("toy", Path(), images, FactorSpace(("shape", "size"), (2, 3)))
        >>> factors, drawn = as_ground_truth(toy).sample(5, np.random.RandomState(0))
        >>> factors.shape, drawn.shape, float(drawn.max())
        ((5, 2), (5, 64, 64, 3), 1.0)
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from disentanglement_lib.data.ground_truth import ground_truth_data

    class ImageSetGroundTruth(GridData, ground_truth_data.GroundTruthData):  # type: ignore[misc]
        """Factors of a grid and the images that they number."""

        observation_shape: ClassVar[Any] = list(image_set.images.shape[1:])

        def sample_observations_from_factors(
            self, factors: IntArray, random_state: np.random.RandomState
        ) -> npt.NDArray[np.float64]:
            """Looks up the images of (n, F) factor values, drawing the hidden factors."""
            return image_set.images[self.sample_points(factors, random_state)] / 255.0

        def __reduce__(self) -> tuple[Any, ...]:
            return as_ground_truth, (image_set,)

    return ImageSetGroundTruth(image_set.space, image_set.hidden)
