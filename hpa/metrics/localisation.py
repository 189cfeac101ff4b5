"""Mean average precision of classes over images and over cells, and F1 of images: what is watched while training.

Average precision is the step-wise area under precision against recall (Salton and McGill, 1983; as scikit-learn's
`average_precision_score`): no interpolation, and equal scores enter together, so that their order cannot matter.
Segmentation plays no part here; the competition's score of masks is `hpa.metrics.detection`.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Float64, Int

from hpa.core.errors import InputError

IMAGE_POOLS = ("max", "mean")
MONITORS = ("image_map", "cell_map")

Probabilities = Float[np.ndarray, "row class"]


def precision_recall(
    scores: Float[np.ndarray, " row"], positive: Bool[np.ndarray, " row"]
) -> tuple[Float64[np.ndarray, " point"], Float64[np.ndarray, " point"]]:
    """Return precision and recall at each distinct score, highest first; recall is NaN where nothing is positive."""
    order = np.argsort(-scores, kind="stable")
    found = np.cumsum(positive[order], dtype=np.float64)
    last_of_score = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)[: len(scores)]
    found = found[last_of_score]
    count = positive.sum()
    recall = found / count if count else np.full_like(found, np.nan)
    return found / (last_of_score + 1), recall


def average_precision(scores: Float[np.ndarray, " row"], positive: Bool[np.ndarray, " row"]) -> float:
    """Return the area under precision against recall, NaN where nothing is positive.

    >>> average_precision(np.array([0.9, 0.8, 0.7]), np.array([True, False, True]))
    0.8333333333333333
    """
    if not positive.any():
        return float("nan")
    precision, recall = precision_recall(scores, positive)
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def average_precision_per_class(probabilities: Probabilities, targets: Probabilities) -> Float64[np.ndarray, " class"]:
    """Return the average precision of each class over rows without NaN targets; a target above 1/2 is positive."""
    known = ~np.isnan(targets).any(axis=1)
    scores, positive = probabilities[known], targets[known] > 0.5
    return np.array([average_precision(scores[:, k], positive[:, k]) for k in range(targets.shape[1])], np.float64)


def f1_per_class(
    predicted: Bool[np.ndarray, "row class"], positive: Bool[np.ndarray, "row class"]
) -> Float64[np.ndarray, " class"]:
    """Return 2 TP / (2 TP + FP + FN) of each class (van Rijsbergen, 1979), NaN where nothing is positive.

    >>> f1_per_class(np.array([[True], [True]]), np.array([[True], [False]]))
    array([0.66666667])
    """
    count = predicted.sum(axis=0) + positive.sum(axis=0)
    doubled_true_positives = 2.0 * (predicted & positive).sum(axis=0)
    return np.where(positive.any(axis=0), doubled_true_positives / np.maximum(count, 1), np.nan)


class Localisation:
    """Scores of a set of cells with their images.

    Args:
        image_pool: How an image's probability follows from its cells': `max` or `mean`.
        threshold: Probability from which a class is predicted for an image, for F1.
        monitor: The score by which the best checkpoint is chosen, higher is better: `image_map` or `cell_map`.

    Raises:
        InputError: If a setting is none of these.
    """

    def __init__(self, image_pool: str, threshold: float, monitor: str) -> None:
        _require_one_of("image_pool", image_pool, IMAGE_POOLS)
        _require_one_of("monitor", monitor, MONITORS)
        if not 0 < threshold < 1:
            raise InputError(f"metric.threshold must lie between 0 and 1, not {threshold}.")
        self.image_pool = image_pool
        self.threshold = threshold
        self.monitor = monitor

    def scores(
        self,
        probabilities: Float[np.ndarray, "cell class"],
        image_of_cell: Int[np.ndarray, " cell"],
        image_targets: Float[np.ndarray, "image class"],
        cell_targets: Float[np.ndarray, "cell class"] | None,
    ) -> dict[str, float]:
        """Return `image_map`, `image_f1` and `cell_map`: means over the classes that are present, NaN without truth."""
        images = self.image_probabilities(probabilities, image_of_cell, len(image_targets))
        image_map = _mean_of_present(average_precision_per_class(images, image_targets))
        image_f1 = _mean_of_present(f1_per_class(images >= self.threshold, image_targets > 0.5))
        cell_map = float("nan")
        if cell_targets is not None:
            cell_map = _mean_of_present(average_precision_per_class(probabilities, cell_targets))
        return {"image_map": image_map, "image_f1": image_f1, "cell_map": cell_map}

    def image_probabilities(
        self, probabilities: Float[np.ndarray, "cell class"], image_of_cell: Int[np.ndarray, " cell"], image_count: int
    ) -> Float[np.ndarray, "image class"]:
        """Return probabilities of images pooled from their cells; an image without cells has 0 in every class."""
        pooled = np.zeros((image_count, probabilities.shape[1]), probabilities.dtype)
        if self.image_pool == "max":
            np.maximum.at(pooled, image_of_cell, probabilities)
            return pooled
        np.add.at(pooled, image_of_cell, probabilities)
        cell_count = np.bincount(image_of_cell, minlength=image_count).astype(probabilities.dtype)
        return pooled / np.maximum(cell_count, 1)[:, None]


def _mean_of_present(per_class: Float64[np.ndarray, " class"]) -> float:
    """Return the mean over classes that have an average precision, NaN where none has."""
    present = per_class[~np.isnan(per_class)]
    return float(present.mean()) if present.size else float("nan")


def _require_one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InputError(f"metric.{name} is '{value}'; choose one of: {', '.join(choices)}.")
