"""The competition's score of validation fields during training: predicted against true masks, as in `hpa score`.

The candidate true cell of a predicted cell depends on its mask alone, so every field is matched with its ground truth
once, before training; an epoch only brings new confidences, of every class for each cell, as in a submission.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Int, Int32

from hpa.core.encoding import encode_label_map
from hpa.core.submission import format_prediction
from hpa.core.submission_table import TableRow
from hpa.metrics.detection import score_evidence
from hpa.metrics.detection_evidence import NUMBER_OF_CLASSES, ImageEvidence, evidence_of, true_entries_of

COMPETITION_IOU = 0.6
"""IoU from which a predicted mask matches a true one in the competition (Le et al., Nature Methods 19:1221, 2022)."""


@dataclass(frozen=True)
class _Field:
    """A field matched with its ground truth, and the rows of its cells in the cell table, cell 1 first."""

    rows: Int[np.ndarray, " cell"]
    evidence: ImageEvidence


class FieldDetection:
    """Scores the cells of fields whose true masks are known, by the rules of the competition."""

    def __init__(self) -> None:
        self._fields: list[_Field] = []

    def __len__(self) -> int:
        """Count the fields."""
        return len(self._fields)

    def add(self, truth: TableRow, cells: Int32[np.ndarray, "height width"], rows: Int[np.ndarray, " cell"]) -> None:
        """Match the predicted cells of a field with its ground truth.

        Args:
            truth: True cells of the field.
            cells: Label map of the predicted cells, numbered 1..n.
            rows: Their rows in the cell table, cell 1 first.

        Raises:
            InputError: If the truth does not decode at the field's size.
        """
        masks = [text for _, text in sorted(encode_label_map(cells).items())]
        prediction = format_prediction(masks, np.zeros((len(masks), NUMBER_OF_CLASSES)))
        evidence = evidence_of(true_entries_of(truth), prediction, COMPETITION_IOU, verified="all")
        self._fields.append(_Field(rows, evidence))

    def mean_ap(self, probabilities: Float32[np.ndarray, "cell class"], rows: Int[np.ndarray, " cell"]) -> float:
        """Return the mAP of the fields all of whose cells are given, NaN where none has ground truth.

        Args:
            probabilities: Predicted, of cells.
            rows: Their rows in the cell table.
        """
        place = np.full(1 + max([rows.max(initial=-1), *(field.rows.max(initial=-1) for field in self._fields)]), -1)
        place[rows] = np.arange(len(rows))
        images = []
        for field in self._fields:
            places = place[field.rows]
            if (places >= 0).all():
                confidences = (
                    probabilities[places].astype(np.float64).ravel()
                )  # (cell, class), as in `prediction` of `add`
                images.append(replace(field.evidence, confidences=confidences))
        return score_evidence(images).mean if images else float("nan")
