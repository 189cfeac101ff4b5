"""What a cell shows, combined with what its whole image shows: one confidence a cell and class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from hpa.core.errors import InputError
from hpa.interfaces import CellPrediction

IMAGE_POOLS = ("mean", "max")
MEANS = ("arithmetic", "geometric")


class NoFusion:
    """The cell's own probability."""

    def __call__(self, prediction: CellPrediction) -> Float32[np.ndarray, "cell class"]:
        """Return the probabilities as they are."""
        return prediction.probabilities.numpy()


class ProductFusion:
    """Cell probability times image score: a location that the whole image shows counts more in its cells.

    Labels of the training set belong to images, so that the image is classified more reliably than the cell. From the
    second place of the HPA single-cell competition ([red.ai], 2021; Le et al., Nature Methods 19:1221, 2022). The image
    score is the probability given by a view of the whole image; where there is none, its cells are pooled.

    Args:
        image_pool: Score of an image without a view of its own: "mean" over its cells, or "max", which keeps a location
            that few cells show.
        cell_only: Numbers of the classes that depend on the cell alone: empty cells (Negative) lie in any image.

    Raises:
        InputError: If a setting is none of these.
    """

    def __init__(self, image_pool: str, cell_only: Sequence[int]) -> None:
        _require_choice("image_pool", image_pool, IMAGE_POOLS)
        self._image_pool = image_pool
        self._cell_only = list(cell_only)

    def __call__(self, prediction: CellPrediction) -> Float32[np.ndarray, "cell class"]:
        """Return the products.

        Raises:
            InputError: If there is no such class.
        """
        scores = _image_scores(prediction, self._image_pool).clone()
        unknown = [number for number in self._cell_only if not 0 <= number < scores.shape[1]]
        if unknown:
            raise InputError(f"fusion.cell_only names classes {unknown}; they run from 0 to {scores.shape[1] - 1}.")
        scores[:, self._cell_only] = 1
        return (prediction.probabilities * scores).numpy()


class WeightedFusion:
    """Weighted mean of cell probability and image score.

    The fourth place of the HPA single-cell competition took .7 of the cell and .3 of the mean over the image (MILIMED,
    2021), the eighth .9 and .1 (Xu, 2021). The geometric mean with a weight of .5 orders cells as the product does.

    Args:
        cell_weight: Weight of the cell, in (0, 1]; the image has the rest.
        mean: "arithmetic" or "geometric".
        image_pool: Score of an image without a view of its own: "mean" or "max" over its cells.

    Raises:
        InputError: If a setting is none of these.
    """

    def __init__(self, cell_weight: float, mean: str, image_pool: str) -> None:
        if not 0 < cell_weight <= 1:
            raise InputError(f"fusion.cell_weight must lie above 0 and at most at 1; came {cell_weight}.")
        _require_choice("mean", mean, MEANS)
        _require_choice("image_pool", image_pool, IMAGE_POOLS)
        self._cell_weight = cell_weight
        self._is_geometric = mean == "geometric"
        self._image_pool = image_pool

    def __call__(self, prediction: CellPrediction) -> Float32[np.ndarray, "cell class"]:
        """Return the weighted means."""
        cells, image, weight = prediction.probabilities, _image_scores(prediction, self._image_pool), self._cell_weight
        if self._is_geometric:
            return (cells**weight * image ** (1 - weight)).numpy()
        return (weight * cells + (1 - weight) * image).numpy()


def _require_choice(key: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InputError(f"fusion.{key} must be one of {', '.join(choices)}; came '{value}'.")


def _image_scores(prediction: CellPrediction, pool: str) -> Float32[Tensor, "1 class"]:
    """Return the scores of the whole image; 0 where it has no view of its own and no cell."""
    if prediction.image_probabilities is not None:
        return prediction.image_probabilities
    cells = prediction.probabilities
    if not len(cells):
        return torch.zeros(1, cells.shape[1])
    return cells.mean(dim=0, keepdim=True) if pool == "mean" else cells.amax(dim=0, keepdim=True)
