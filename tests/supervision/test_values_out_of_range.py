"""Values out of range are refused, and the message names the key."""

from __future__ import annotations

import pytest
import torch

from hpa.core.errors import InputError
from hpa.interfaces import TrainingCells
from hpa.supervision.auxiliary import AuxiliarySupervision
from hpa.supervision.class_activation import CamConsistencySupervision, PuzzleSupervision
from hpa.supervision.co_teaching import CoTeachingSupervision
from hpa.supervision.composite import MixedSupervision, WarmStartedSupervision
from hpa.supervision.consistency import ConsistencySupervision
from hpa.supervision.dense import DenseSupervision, SoftMaskSupervision
from hpa.supervision.detector import DetectorSupervision
from hpa.supervision.expectation_maximisation import ExpectationMaximisationSupervision
from hpa.supervision.forward_correction import ForwardCorrectionSupervision
from hpa.supervision.label_rates import RatePrior, class_rates
from hpa.supervision.large_loss import LargeLossSupervision
from hpa.supervision.multiple_instance import DualSupervision
from hpa.supervision.organ_cutmix import OrganCutMixSupervision
from hpa.supervision.pools import LogSumExpPool, MaxPool, TopKPool
from hpa.supervision.propagation import PropagationSupervision
from hpa.supervision.pseudo_label import AverageTeacher, PseudoLabelSupervision
from hpa.supervision.selection import (
    ExpectationSelection,
    RankSelection,
    SoftSelection,
    ThresholdSelection,
)
from tests.supervision.bags import PixelNetwork
from tests.supervision.toy_cells import plain_loss

NAN = float("nan")
LOSS, MODEL = plain_loss(), PixelNetwork()
PRIOR, CELLS = RatePrior(0.02, 20.0), TrainingCells(torch.zeros(1, dtype=torch.int64), torch.zeros(1, 3))
COPIED, DENSE = PropagationSupervision(LOSS, 0.0), DenseSupervision(LOSS)
CONSISTENCY = {"decay": 0.9, "agreement_weight": 1.0, "ramp_up": 0.5, "gain": 0.2}
OUT_OF_RANGE = [
    (AuxiliarySupervision, "organs", [(DENSE, ("lung",), 0.1, 0.1, MODEL), (DENSE, ("a", "a"), 0.1, 0.1, MODEL)]),
    (AuxiliarySupervision, "organ_weight", [(DENSE, ("a", "b"), -1.0, 0.1, MODEL)]),
    (CamConsistencySupervision, "mixed_weight", [(LOSS, -1.0, 4.0, 0.5, MODEL)]),
    (CamConsistencySupervision, "agreement_weight", [(LOSS, 1.0, -4.0, 0.5, MODEL)]),
    (CamConsistencySupervision, "ramp_up", [(LOSS, 1.0, 4.0, 0.0, MODEL)]),
    (PuzzleSupervision, "tile_weight", [(LOSS, -1.0, 4.0, 0.5, MODEL)]),
    (PuzzleSupervision, "agreement_weight", [(LOSS, 1.0, -4.0, 0.5, MODEL)]),
    (PuzzleSupervision, "ramp_up", [(LOSS, 1.0, 4.0, 0.0, MODEL)]),
    (CoTeachingSupervision, "rejected_share", [(LOSS, 1.0, 0.5, 1.0, MODEL)]),
    (CoTeachingSupervision, "ramp_up", [(LOSS, 0.3, 0.0, 1.0, MODEL)]),
    (CoTeachingSupervision, "difference", [(LOSS, 0.3, 0.5, 0.0, MODEL), (LOSS, 0.3, 0.5, 1.5, MODEL)]),
    (MixedSupervision, "weights", [({"a": COPIED}, {"a": wrong}) for wrong in (-1.0, NAN)]),
    (MixedSupervision, "weights", [({"a": COPIED, "b": COPIED}, {"a": 1.0}), ({}, {})]),
    (WarmStartedSupervision, "start_share", [(COPIED, COPIED, wrong) for wrong in (0.0, 1.0, -0.1, NAN)]),
    *[
        (ConsistencySupervision, name, [(LOSS, *(CONSISTENCY | {name: wrong}).values(), MODEL)])
        for name, wrong in {"decay": 1.0, "agreement_weight": -1.0, "ramp_up": 0.0, "gain": 1.0}.items()
    ],
    (SoftMaskSupervision, "runs", [(LOSS, [], 0.7)]),
    (SoftMaskSupervision, "label_weight", [(LOSS, ["runs/first"], 1.5)]),
    (DetectorSupervision, "weights", [({"boxes": -1.0},)]),
    (
        ExpectationMaximisationSupervision,
        "false_negative_rate",
        [(LOSS, w, 0.1, PRIOR, 0.0, 0.5, MODEL, CELLS) for w in (0.0, "guessed")],
    ),
    (
        ExpectationMaximisationSupervision,
        "false_positive_rate",
        [(LOSS, 0.1, w, PRIOR, 0.0, 0.5, MODEL, CELLS) for w in (1.0, [0.1, 2.0], [])],
    ),
    (ExpectationMaximisationSupervision, "warm_up", [(LOSS, 0.1, 0.1, PRIOR, 0.0, 1.5, MODEL, CELLS)]),
    (ForwardCorrectionSupervision, "label_rate_if_shown", [(LOSS, 0.0, 0.1, True, MODEL)]),
    (ForwardCorrectionSupervision, "label_rate_if_not_shown", [(LOSS, 0.9, w, True, MODEL) for w in (1.0, [-1.0], [])]),
    (LargeLossSupervision, "rejected_share", [(LOSS, -0.1), (LOSS, 1.0)]),
    (DualSupervision, "cell_weight", [(LOSS, MaxPool(), -0.1)]),
    (class_rates, "some_rate", [("some_rate", wrong, 2) for wrong in (0.0, 1.0, NAN, [], [0.5, -0.1])]),
    (OrganCutMixSupervision, "max_share", [(DENSE, 0.0, 0.5), (DENSE, 1.0, 0.5)]),
    (OrganCutMixSupervision, "probability", [(DENSE, 0.5, 1.5)]),
    (LogSumExpPool, "sharpness", [(0.0,), (-1.0,)]),
    (TopKPool, "k must be", [(0,)]),
    (PropagationSupervision, "smoothing", [(LOSS, -0.1), (LOSS, 1.0)]),
    (PseudoLabelSupervision, "label_weight", [(LOSS, AverageTeacher, SoftSelection(1.0), 1.5, 0.0)]),
    (PseudoLabelSupervision, "unlabeled_weight", [(LOSS, AverageTeacher, SoftSelection(1.0), 0.5, -0.1)]),
    (AverageTeacher, "decay", [(SoftSelection(1.0), 1.0, 0.3, MODEL)]),
    (AverageTeacher, "warm_up", [(SoftSelection(1.0), 0.9, 1.1, MODEL)]),
    (ExpectationMaximisationSupervision, "label_weight", [(LOSS, 0.1, 0.1, PRIOR, -0.1, 0.5, MODEL, CELLS)]),
    (ExpectationSelection, "false_negative_rate", [(0.0, 0.1, PRIOR, MODEL), (1.0, 0.1, PRIOR, MODEL)]),
    (RatePrior, "share", [(0.0, 20.0), (1.0, 20.0), (NAN, 20.0)]),
    (RatePrior, "images", [(0.02, 0.0), (0.02, NAN)]),
    (RankSelection, "share", [(0.0,), (1.1,)]),
    (SoftSelection, "temperature", [(0.0,), (-1.0,), (NAN,)]),
    (ThresholdSelection, "threshold", [(0.0,), (1.0,)]),
]


@pytest.mark.parametrize(
    ("part", "name", "values"),
    [(part, name, values) for part, name, cases in OUT_OF_RANGE for values in cases],
    ids=lambda value: getattr(value, "__name__", value if isinstance(value, str) else ""),
)
def test_values_out_of_range_are_refused_by_name(part, name, values):
    with pytest.raises(InputError, match=name):
        part(*values)
