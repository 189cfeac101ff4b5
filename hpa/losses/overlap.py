"""Soft areas of predictions, targets and their intersection, image by image: what overlap losses are made of."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from hpa.losses.reduction import to_float32


@dataclass(frozen=True)
class SoftAreas:
    """Areas in px of each plane of each image, every pixel counted by its probability and its target."""

    intersection: Float[Tensor, "image plane"]
    predicted: Float[Tensor, "image plane"]
    target: Float[Tensor, "image plane"]


def soft_areas(
    logits: Float[Tensor, "image plane height width"], targets: Float[Tensor, "image plane height width"]
) -> SoftAreas:
    """Return the areas, in single precision at least."""
    probabilities = to_float32(logits.flatten(1)).view(logits.shape).sigmoid()
    targets = targets.to(probabilities.dtype)
    pixels = (2, 3)
    return SoftAreas((probabilities * targets).sum(pixels), probabilities.sum(pixels), targets.sum(pixels))


def mean_of_images(losses: Float[Tensor, "image plane"]) -> Float[Tensor, ""]:
    """Return the mean over images and planes; 0 where there are none."""
    return losses.sum() / max(losses.numel(), 1)
