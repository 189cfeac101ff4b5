"""The held-out fields whose true masks are known, compared with what the segmenter found in them."""

from __future__ import annotations

import numpy as np

from hpa.cells.data_module import CellDataModule
from hpa.core.classes import LOCATIONS
from hpa.interfaces import MaskTruth
from hpa.metrics.field_detection import FieldDetection


def validation_fields(data: CellDataModule) -> FieldDetection | None:
    """Return what scores the held-out fields as a submission is scored; None where no true mask is known."""
    truth = data.source.cell_truth
    if data.loading.overfit_images:  # no held-out field is predicted
        return None
    if not isinstance(truth, MaskTruth) or len(data.source.class_names) != len(LOCATIONS):
        return None
    fields = FieldDetection()
    image_of_row = data.stored.cells["image"].to_numpy()
    for image in np.flatnonzero(data.table.frame["fold"].to_numpy() == data.folds.held_out):
        image_id = data.table.image_ids[image]
        row = truth.row_of(image_id)
        if row is not None:
            fields.add(row, data.stored.segmentation(image_id).cells, np.flatnonzero(image_of_row == image))
    return fields if len(fields) else None
