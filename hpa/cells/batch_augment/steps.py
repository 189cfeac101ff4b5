"""Changes of whole batches one after the other, composed by config (`batch_augment=`)."""

from __future__ import annotations

from collections.abc import Mapping

from hpa.interfaces import BatchAugmentation, CellBatch


class BatchSteps:
    """Takes named steps in their order.

    Args:
        steps: What happens to a batch; none leaves batches as they are.
    """

    def __init__(self, steps: Mapping[str, BatchAugmentation]) -> None:
        self._steps = tuple(steps.values())

    def __call__(self, batch: CellBatch) -> CellBatch:
        """Return the batch after all steps."""
        for step in self._steps:
            batch = step(batch)
        return batch
