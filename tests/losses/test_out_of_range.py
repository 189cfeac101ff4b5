"""Every loss refuses numbers out of their range, naming the key of the config."""

from __future__ import annotations

from math import inf, nan

import pytest

from hpa.core.errors import InputError
from hpa.losses.asymmetric import AsymmetricLoss
from hpa.losses.binary_cross_entropy import BinaryCrossEntropyLoss
from hpa.losses.class_balanced import ClassBalancedLoss
from hpa.losses.dice import DiceLoss
from hpa.losses.distance import DistanceLoss
from hpa.losses.flow import FlowLoss
from hpa.losses.focal import FocalLoss
from hpa.losses.hard_log import HardLogLoss
from hpa.losses.logit_adjusted import LogitAdjustedLoss
from hpa.losses.smooth_average_precision import SmoothAveragePrecisionLoss
from hpa.losses.smoothed import SmoothedLoss
from hpa.losses.sum import SumLoss
from hpa.losses.tversky import TverskyLoss

PART = BinaryCrossEntropyLoss(None, None)
PARTS = {"plain": PART, "focal": FocalLoss(2.0, None, None)}
CASES = [
    (AsymmetricLoss, (-1.0, 0.0, 0.0, None), r"loss\.gamma_positive"),
    (AsymmetricLoss, (0.0, -1.0, 0.0, None), r"loss\.gamma_negative"),
    (AsymmetricLoss, (0.0, 4.0, 1.0, None), r"loss\.margin"),
    (AsymmetricLoss, (0.0, 4.0, -0.1, None), r"loss\.margin"),
    (ClassBalancedLoss, (PART, [0, 1], 0.9), r"loss\.counts"),
    (ClassBalancedLoss, (PART, [1, 1], 1.0), r"loss\.beta"),
    *[(DiceLoss, (area,), r"loss\.smoothing_px") for area in (0.0, -1.0, nan, inf)],
    *[(DistanceLoss, weights, r"loss\.inside_weight") for weights in ((-1.0, 1.0), (0.0, 0.0), (nan, 1.0))],
    *[(FlowLoss, weights, r"loss\.flow_weight") for weights in ((-1.0, 1.0), (0.0, 0.0), (nan, 1.0))],
    (FocalLoss, (-1.0, None, None), r"loss\.gamma"),
    (FocalLoss, (2.0, 0.0, None), r"loss\.alpha"),
    (FocalLoss, (2.0, 1.0, None), r"loss\.alpha"),
    (HardLogLoss, (-1, 0.5, 0.7), r"loss\.min_negatives"),
    (HardLogLoss, (2, 1.1, 0.7), r"loss\.min_share"),
    (HardLogLoss, (2, 0.5, -0.1), r"loss\.max_share"),
    (LogitAdjustedLoss, (PART, [5, 10], 10, 1.0), r"loss\.total"),
    (LogitAdjustedLoss, (PART, [0, 1], 10, 1.0), r"loss\.counts"),
    (LogitAdjustedLoss, (PART, [1, 1], 10, -1.0), r"loss\.temperature"),
    (SmoothAveragePrecisionLoss, (0.0,), r"loss\.temperature"),
    (SmoothedLoss, (PART, -0.1), r"loss\.smoothing"),
    (SmoothedLoss, (PART, 1.0), r"loss\.smoothing"),
    (SumLoss, (PARTS, {"plain": 1.0}), r"loss\.weights"),
    (SumLoss, (PARTS, {"plain": -1.0, "focal": 1.0}), r"loss\.weights"),
    (SumLoss, (PARTS, {"plain": 0.0, "focal": 0.0}), r"loss\.weights"),
    (TverskyLoss, (-0.1, 0.5, 1.0), r"loss\.false_positive_weight"),
    (TverskyLoss, (0.0, 0.0, 1.0), r"loss\.false_positive_weight"),
    (TverskyLoss, (0.5, nan, 1.0), r"loss\.false_negative_weight"),
    (TverskyLoss, (0.5, 0.5, 0.0), r"loss\.smoothing_px"),
    (TverskyLoss, (0.5, 0.5, inf), r"loss\.smoothing_px"),
]


@pytest.mark.parametrize(("loss", "arguments", "key"), CASES)
def test_numbers_out_of_range_are_refused(loss, arguments, key):
    with pytest.raises(InputError, match=key):
        loss(*arguments)
