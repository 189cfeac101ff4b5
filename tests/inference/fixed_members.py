"""Members of ensembles with fixed predictions, of fields and of held-out cells, and ensembles of them."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch

from hpa.core.field import Field, Segmentation
from hpa.inference.cells.combine import combine_cells
from hpa.inference.cells.held_out import HeldOutCells
from hpa.inference.ensemble import Ensemble, Join
from hpa.interfaces import CellPrediction, FieldPredictor, SegmentedField

FIELD = SegmentedField(
    Field("any", np.zeros((1, 2, 2), np.uint8), ("green",), 0.08), Segmentation(np.zeros((2, 2), np.int32))
)


class FixedMember:
    """Predicts the same for every field."""

    def __init__(self, probabilities, image=None, feature_count=2):
        probabilities = torch.as_tensor(probabilities)
        features = torch.full((len(probabilities), feature_count), float(feature_count))
        self.prediction = CellPrediction(probabilities, features, None if image is None else torch.tensor([image]))

    def predict(self, fields):
        return [self.prediction for _ in fields]


def held_out_of(probabilities, targets, name="run") -> HeldOutCells:
    """Return cells of one image each, with their true classes."""
    probabilities, targets = np.asarray(probabilities, np.float32), np.asarray(targets, np.float32)
    names = tuple(f"{row:04}" for row in range(len(probabilities)))
    cells = np.ones(len(probabilities), np.int64)
    return HeldOutCells(Path(name) / "out_of_fold.parquet", names, cells, probabilities, targets, targets)


def ensemble_of(members: Sequence[FieldPredictor], join: Join) -> Ensemble:
    """Return the ensemble of cells."""
    return Ensemble(members, partial(combine_cells, join=join))
