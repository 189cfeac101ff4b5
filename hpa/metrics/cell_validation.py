"""Collects the predictions for the validation cells, and scores them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Int

from hpa.interfaces import CellBatch, CellOutput
from hpa.metrics.field_detection import FieldDetection
from hpa.metrics.localisation import Localisation


class CellValidation:
    """Scores cells in validation; batches hold whole images, in table order.

    Attributes:
        metric: Computed from everything collected.
        fields: The validation fields whose true masks are known, scored as a submission is; None where there are none.
    """

    def __init__(self, metric: Localisation, fields: FieldDetection | None = None) -> None:
        self.metric = metric
        self.fields = fields
        self.reset()

    @property
    def monitor(self) -> str:
        """The score that chooses the best epoch."""
        return self.metric.monitor

    def reset(self) -> None:
        """Forget everything collected."""
        self._images = 0
        self._probabilities: list[Float32[np.ndarray, "cell class"]] = []
        self._rows: list[Int[np.ndarray, " cell"]] = []
        self._image_of_cell: list[Int[np.ndarray, " cell"]] = []
        self._image_targets: list[Float32[np.ndarray, "image class"]] = []
        self._cell_targets: list[Float32[np.ndarray, "cell class"]] = []

    def update(self, batch: CellBatch, output: CellOutput) -> None:
        """Collect one batch with the model's output."""
        self._probabilities.append(output.logits.detach().float().sigmoid().cpu().numpy())
        self._rows.append(batch.cell_id.cpu().numpy())
        self._image_of_cell.append(batch.image_of_cell.cpu().numpy() + self._images)
        self._image_targets.append(batch.image_targets.float().cpu().numpy())
        if batch.cell_targets is not None:
            self._cell_targets.append(batch.cell_targets.float().cpu().numpy())
        self._images += len(batch.image_targets)

    def scores(self) -> dict[str, float]:
        """Return the scores of the metric, and `competition_map` where true masks are known."""
        if not self._probabilities:
            return {}
        scores = self.metric.scores(
            self.probabilities,
            np.concatenate(self._image_of_cell),
            np.concatenate(self._image_targets),
            np.concatenate(self._cell_targets) if self._cell_targets else None,
        )
        if self.fields is not None:
            scores["competition_map"] = self.fields.mean_ap(self.probabilities, self.rows)
        return scores

    @property
    def probabilities(self) -> Float32[np.ndarray, "cell class"]:
        """Predicted probabilities, cells in the order of `rows`."""
        return np.concatenate(self._probabilities)

    @property
    def rows(self) -> Int[np.ndarray, " cell"]:
        """Rows of the collected cells in the cell table."""
        return np.concatenate(self._rows)
