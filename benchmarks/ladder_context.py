"""The image as context on a submission that is there already, so that nothing is predicted twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from hpa.core.classes import LOCATIONS, NEGATIVE_CLASS
from hpa.core.submission import format_prediction, parse_prediction
from hpa.core.submission_table import PREDICTION_COLUMN, TableRow, read_table, write_table
from hpa.inference.cells.fusion import ProductFusion
from hpa.interfaces import CellPrediction


def with_image_context(submission: Path, out: Path) -> None:
    """Write the submission that `fusion=product fusion.image_pool=max fusion.cell_only=[18]` would have made.

    Args:
        submission: Made without fusion or rules, every cell listed under every class in their order.
        out: The new one.

    Raises:
        InputError: If the submission cannot be read.
    """
    write_table(out, PREDICTION_COLUMN, [_fused(row) for row in read_table(submission, PREDICTION_COLUMN)])


def _fused(row: TableRow) -> TableRow:
    predicted = parse_prediction(row.text)
    if not predicted.masks:
        return row
    probabilities = torch.from_numpy(predicted.confidences.reshape(-1, len(LOCATIONS)).astype(np.float32))
    fused = ProductFusion("max", [NEGATIVE_CLASS])(CellPrediction(probabilities, torch.zeros(len(probabilities), 0)))
    text = format_prediction(predicted.masks[:: len(LOCATIONS)], fused.astype(np.float64))
    return TableRow(row.image_id, row.width, row.height, text)
