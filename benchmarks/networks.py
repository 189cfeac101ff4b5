"""The network that is timed: random weights, one seed."""

from __future__ import annotations

from functools import partial
from typing import cast

import torch

from hpa.models.crop import CropModel
from hpa.models.heads import LinearHead


def timed_network(backbone: str, channels: int, classes: int, spread: float = 1.0) -> CropModel:
    """Build a network of crops.

    Args:
        backbone: Name in timm.
        channels: Of its images.
        classes: That it predicts.
        spread: Factor of the last layer's weights: an untrained head predicts nearly the same of every cell.
    """
    torch.manual_seed(0)
    model = CropModel(
        backbone=backbone,
        head=partial(LinearHead, drop_rate=0.0, prior=0.1),
        channel_count=channels,
        class_count=classes,
        weights=None,
        pretrained=False,
        drop_path_rate=0.0,
        side_px=None,
        intensity_mean=0.05,
        intensity_std=0.13,
    )
    with torch.no_grad():
        cast("LinearHead", model.head).classifier.weight.mul_(spread)
    return model
