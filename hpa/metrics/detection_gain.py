"""How much higher one submission scores than another, with an interval over images.

Images are resampled, both submissions on the same draws (paired bootstrap: Efron and Tibshirani, 1993), because cells
of one image are not independent and hard images are hard for both. The variance between training runs is not included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from hpa.core.errors import InputError
from hpa.metrics.detection import Outcome, PooledDetections, nan_mean, pool_images
from hpa.metrics.detection_evidence import NUMBER_OF_CLASSES, ImageEvidence

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Gain:
    """A difference of mAP.

    Attributes:
        mean: Of all images.
        low: Lower end of the interval over images.
        high: Upper end.
    """

    mean: float
    low: float
    high: float


def gain_over_images(
    first: Sequence[ImageEvidence], second: Sequence[ImageEvidence], resamples: int, seed: int
) -> Gain:
    """Return mAP of the first less that of the second, with its 95 % interval over images.

    Args:
        first: Evidence of every image of the ground truth.
        second: That of the same images.
        resamples: Draws of the bootstrap.
        seed: Of these draws.

    Raises:
        InputError: If there are fewer than two images.
    """
    if len(first) < 2:
        raise InputError(f"an interval over images needs two or more, the ground truth has {len(first)}.")
    pools = pool_images(first), pool_images(second)
    draws = np.random.default_rng(seed).multinomial(len(first), np.full(len(first), 1 / len(first)), resamples)
    equal_weights = np.ones(len(first))
    of_draw = [_mean_ap(pools[0], weights) - _mean_ap(pools[1], weights) for weights in draws.astype(np.float64)]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(of_draw, [tail, 1 - tail])
    return Gain(_mean_ap(pools[0], equal_weights) - _mean_ap(pools[1], equal_weights), float(low), float(high))


def weighted_average_precision(
    hits: Bool[np.ndarray, " detection"], weights: Float64[np.ndarray, " detection"], true_weight: float
) -> float:
    """Return the area under the monotone precision curve where detections count by weight; nan without a true cell.

    >>> weighted_average_precision(np.array([True, False, True, False]), np.ones(4), 2.0)
    0.8333333333333333
    """
    if true_weight == 0:
        return np.nan
    true_positives, detections = np.cumsum(weights * hits), np.cumsum(weights)
    precision = np.divide(true_positives, detections, out=np.zeros_like(detections), where=detections > 0)
    monotone = np.maximum.accumulate(precision[::-1])[::-1]
    return float((monotone * weights)[hits].sum() / true_weight)


def _mean_ap(pool: PooledDetections, weights: Float64[np.ndarray, " image"]) -> float:
    hits, weight = pool.outcomes == Outcome.TRUE_POSITIVE, weights[pool.images]
    edges = np.searchsorted(pool.classes, np.arange(NUMBER_OF_CLASSES + 1))
    true_weight = np.bincount(pool.true_classes, weights[pool.true_images], minlength=NUMBER_OF_CLASSES)
    slices = [slice(edges[number], edges[number + 1]) for number in range(NUMBER_OF_CLASSES)]
    return nan_mean(
        [
            weighted_average_precision(hits[one], weight[one], float(true))
            for one, true in zip(slices, true_weight, strict=True)
        ]
    )
