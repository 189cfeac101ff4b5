"""What a cell shows, joined with what its whole image shows: one confidence a cell and class."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

from hpa.interfaces import CellPrediction


class NoFusion:
    """The cell's own probability."""

    def __call__(self, prediction: CellPrediction) -> Float32[np.ndarray, "cell class"]:
        """Return the probabilities as they are."""
        return prediction.probabilities.numpy()


class ProductFusion:
    """Cell probability times image score: a cell is surer of a location that its whole image shows.

    Labels of the training set belong to images, so that the image is judged more reliably than the cell. From the
    second place of the HPA single-cell competition ([red.ai], 2021; Le et al., Nature Methods 19:1221, 2022). The image
    score is the probability given by a view of the whole image, or the mean over the field's cells where there is none.
    """

    def __call__(self, prediction: CellPrediction) -> Float32[np.ndarray, "cell class"]:
        """Return the products."""
        image = prediction.image_probabilities
        if image is None:
            image = prediction.probabilities.mean(dim=0, keepdim=True)
        return (prediction.probabilities * image).numpy()
