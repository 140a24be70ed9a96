"""An image set behind the interface that disentanglement_lib's functions take."""

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from submission.data.image_set import ImageSet

__all__ = ["as_ground_truth"]


def as_ground_truth(image_set: "ImageSet") -> Any:
    """Wraps an image set as disentanglement_lib's `GroundTruthData`, with the right sizes.

    Given the same random state it draws the same factors as the library's own classes do.
    Importing the library takes seconds, so it happens here.

    Args:
        image_set: the images; factors in its `hidden` are drawn at random and not reported.

    Returns:
        A `GroundTruthData`; observations are (n, 64, 64, 3) float64 in [0, 1].
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from disentanglement_lib.data.ground_truth import ground_truth_data, util

    space = image_set.space
    visible = [j for j, name in enumerate(space.names) if name not in image_set.hidden]
    states = util.SplitDiscreteStateSpace(list(space.sizes), visible)

    class ImageSetGroundTruth(ground_truth_data.GroundTruthData):  # type: ignore[misc]
        """Factors of a grid and the images that they number."""

        @property
        def num_factors(self) -> int:
            """The number of ground-truth factors."""
            return len(visible)

        @property
        def factors_num_values(self) -> list[int]:
            """The number of values of each ground-truth factor."""
            return [space.sizes[j] for j in visible]

        @property
        def observation_shape(self) -> list[int]:
            """Height, width and channels."""
            return list(image_set.images.shape[1:])

        def sample_factors(
            self, num: int, random_state: np.random.RandomState
        ) -> npt.NDArray[np.int64]:
            """Draws (num, F) factor values, uniform and independent."""
            factors: npt.NDArray[np.int64] = states.sample_latent_factors(num, random_state)
            return factors

        def sample_observations_from_factors(
            self, factors: npt.NDArray[np.int64], random_state: np.random.RandomState
        ) -> npt.NDArray[np.float64]:
            """Looks up the images of (n, F) factor values, drawing the hidden factors."""
            full = states.sample_all_factors(factors, random_state)
            observations: npt.NDArray[np.float64] = (
                image_set.images[space.factors_to_index(full)] / 255.0
            )
            return observations

    return ImageSetGroundTruth()
