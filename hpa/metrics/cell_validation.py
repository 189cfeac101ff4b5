"""Collects the predictions for the validation cells, and scores them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int

from hpa.interfaces import CellBatch, CellOutput
from hpa.metrics.field_detection import FieldDetection
from hpa.metrics.localisation import Localisation


@dataclass(frozen=True)
class ValidatedBatch:
    """What is kept of one batch.

    Attributes:
        rows: Rows of its cells in the cell table.
        probabilities: Predictions for them.
        image_of_cell: Their image among those of the batch.
        image_targets: Labels of these images.
        cell_targets: Labels of the cells, None where they are not known.
    """

    rows: Int[np.ndarray, " cell"]
    probabilities: Float32[np.ndarray, "cell class"]
    image_of_cell: Int[np.ndarray, " cell"]
    image_targets: Float32[np.ndarray, "image class"]
    cell_targets: Float32[np.ndarray, "cell class"] | None


class CellValidation:
    """Scores cells in validation; batches hold whole images, in table order.

    Attributes:
        metric: Computed from everything collected.
        fields: The validation fields whose true masks are known, scored as a submission is; None where there are none.
        collected: The batches, in table order.
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
        self.collected: list[ValidatedBatch] = []

    def update(self, batch: CellBatch, output: CellOutput) -> None:
        """Collect one batch with the model's output."""
        self.collected.append(
            ValidatedBatch(
                batch.cell_id.cpu().numpy(),
                output.logits.detach().float().sigmoid().cpu().numpy(),
                batch.image_of_cell.cpu().numpy(),
                batch.image_targets.float().cpu().numpy(),
                None if batch.cell_targets is None else batch.cell_targets.float().cpu().numpy(),
            )
        )

    def merge(self, of_processes: Sequence[Sequence[ValidatedBatch]]) -> None:
        """Take what all processes have collected, each batch once, in table order: as if one had validated all."""
        batches = {int(batch.rows[0]): batch for collected in of_processes for batch in collected}
        self.collected = [batches[row] for row in sorted(batches)]

    def scores(self) -> dict[str, float]:
        """Return the scores of the metric, and `competition_map` where true masks are known."""
        if not self.collected:
            return {}
        first_image = np.cumsum([0, *(len(batch.image_targets) for batch in self.collected)])
        cell_targets = [batch.cell_targets for batch in self.collected if batch.cell_targets is not None]
        scores = self.metric.scores(
            self.probabilities,
            np.concatenate(
                [batch.image_of_cell + first for batch, first in zip(self.collected, first_image[:-1], strict=True)]
            ),
            np.concatenate([batch.image_targets for batch in self.collected]),
            np.concatenate(cell_targets) if cell_targets else None,
        )
        if self.fields is not None:
            scores["competition_map"] = self.fields.mean_ap(self.probabilities, self.rows)
        return scores

    @property
    def probabilities(self) -> Float32[np.ndarray, "cell class"]:
        """Predicted probabilities, cells in the order of `rows`."""
        return np.concatenate([batch.probabilities for batch in self.collected])

    @property
    def rows(self) -> Int[np.ndarray, " cell"]:
        """Rows of the collected cells in the cell table."""
        return np.concatenate([batch.rows for batch in self.collected])
