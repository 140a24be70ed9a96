"""A PyTorch model of your own, scored: images to codes, codes to a table.

    python -m docs.examples.own_model                 # all five metrics, a minute or two
    python -m docs.examples.own_model sap irs mig     # these alone, some seconds

It runs in a clone that has PyTorch. Replace `Encoder` by your model and `images_of` by your images.
The images here are discs of 3 sizes at 6 x 6 places. The encoder is made by hand: it measures how
large and where the disc is, and mixes row and column. So the size has a latent of its own and
scores well, and the two places do not.
"""

import sys

import numpy as np
import torch
from torch import Tensor, nn

from submission.factors import FactorSpace
from submission.scoring import ALL_METRICS, score_table
from submission.scoring.text_tables import Row, factor_table, text_table

SPACE = FactorSpace(("size", "row", "column"), (3, 6, 6))


def images_of(factors: Tensor) -> Tensor:
    """Draws discs: (n, 3) factor values to (n, 1, 32, 32) images in [0, 1]."""
    size, row, column = (values.reshape(-1, 1, 1).float() for values in factors.T)
    y, x = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    distance = torch.hypot(y - 6 - 4 * row, x - 6 - 4 * column)
    return torch.sigmoid(2 * (size + 3 - distance)).unsqueeze(1)


class Encoder(nn.Module):
    """Maps (n, 1, 32, 32) images to (n, 3) codes."""

    def forward(self, images: Tensor) -> Tensor:
        """Computes the sum of the pixels, and their mixed centre."""
        total = images.sum(dim=(1, 2, 3))
        places = torch.linspace(-1, 1, 32)
        y = (images.sum(dim=(1, 3)) @ places) / total
        x = (images.sum(dim=(1, 2)) @ places) / total
        return torch.stack([total / 30, 3 * (y + 0.3 * x), 3 * (x - 0.3 * y)], dim=1)


if __name__ == "__main__":
    metrics = tuple(sys.argv[1:]) or ALL_METRICS
    model = Encoder().eval()
    codes = []
    with torch.inference_mode():
        for points in np.array_split(np.arange(SPACE.num_points), 2):  # last factor fastest
            factors = torch.from_numpy(SPACE.index_to_factors(points))
            codes.append(model(images_of(factors)).numpy())
    scores = score_table(np.concatenate(codes), SPACE, metrics=metrics)
    print(factor_table(scores))
    print(text_table([Row("my model", scores.values())]))
