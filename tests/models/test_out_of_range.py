"""Parts of models refuse numbers out of their range, naming the key of the config."""

from __future__ import annotations

from math import inf, nan

import pytest

from hpa.core.errors import InputError
from hpa.models.frozen import FeatureCache
from hpa.models.mask_pasting import MaskPasting
from hpa.models.mask_rcnn import Anchors
from hpa.models.target.borders import BorderTarget
from hpa.models.target.distance import DistanceTarget
from hpa.models.target.flows import FlowTarget
from hpa.models.target.foreground import ForegroundTarget

CASES = [
    (Anchors, ([8, 16], [1.0]), "side_px needs 5 numbers"),
    (Anchors, ([8, 16, 32, 64, 0], [1.0]), "positive"),
    (Anchors, ([8] * 5, []), "at least one"),
    (BorderTarget, (0, 0.5, 0.5, 0.5, 10), r"target\.reach_px"),
    (BorderTarget, (2, 1.5, 0.5, 0.5, 10), r"target\.core_share"),
    (BorderTarget, (2, 0.5, -0.1, 0.5, 10), r"target\.min_inside"),
    (BorderTarget, (2, 0.5, 0.5, nan, 10), r"target\.min_seed"),
    (BorderTarget, (2, 0.5, 0.5, 0.5, 0), r"target\.min_area_px"),
    (DistanceTarget, (1.1, 1.0, 0.4, 10), r"target\.min_inside"),
    (DistanceTarget, (0.5, -1.0, 0.4, 10), r"target\.smoothing_px"),
    (DistanceTarget, (0.5, inf, 0.4, 10), r"target\.smoothing_px"),
    (DistanceTarget, (0.5, 1.0, 1.0, 10), r"target\.seed_depth"),
    (DistanceTarget, (0.5, 1.0, 0.4, 0), r"target\.min_area_px"),
    (FeatureCache, (-1,), r"model\.cached_cells"),
    (FlowTarget, (1.0, 0.4, 15), r"target\.min_probability"),
    (FlowTarget, (0.5, 0.0, 15), r"target\.max_error"),
    (FlowTarget, (0.5, 0.4, 0), r"target\.min_area_px"),
    (ForegroundTarget, (-0.1, 10), r"target\.min_inside"),
    (ForegroundTarget, (0.5, 0), r"target\.min_area_px"),
    *[(MaskPasting, numbers, r"model\.pasting") for numbers in ((0.0, 1, 0.5), (1.0, 1, 0.5), (0.5, 0, 0.5))],
    (MaskPasting, (0.5, 1, 1.5), r"model\.pasting"),
]


@pytest.mark.parametrize(("part", "arguments", "key"), CASES)
def test_numbers_out_of_range_are_refused(part, arguments, key):
    with pytest.raises(InputError, match=key):
        part(*arguments)
