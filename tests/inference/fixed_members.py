"""Members of ensembles that always say the same, and what they would have said of held-out cells."""

from pathlib import Path

import numpy as np
import torch

from hpa.core.field import Field, Segmentation
from hpa.inference.held_out import HeldOut
from hpa.interfaces import CellPrediction, SegmentedField

FIELD = SegmentedField(
    Field("any", np.zeros((1, 2, 2), np.uint8), ("green",), 0.08), Segmentation(np.zeros((2, 2), np.int32))
)


class FixedMember:
    """Says the same of every field."""

    def __init__(self, probabilities, image=None, feature_count=2):
        probabilities = torch.as_tensor(probabilities)
        features = torch.full((len(probabilities), feature_count), float(feature_count))
        self.prediction = CellPrediction(probabilities, features, None if image is None else torch.tensor([image]))

    def predict(self, fields):
        return [self.prediction for _ in fields]


def held_out_of(probabilities, targets, name="run") -> HeldOut:
    """Return cells of one image each, with their true classes."""
    probabilities, targets = np.asarray(probabilities, np.float32), np.asarray(targets, np.float32)
    names = tuple(f"{row:04}" for row in range(len(probabilities)))
    cells = np.ones(len(probabilities), np.int64)
    return HeldOut(Path(name) / "out_of_fold.parquet", names, cells, probabilities, targets, targets)
