"""Changes of whole batches one after the other, composed by config (`batch_augment=`)."""

from __future__ import annotations

from collections.abc import Mapping

from hpa.core.errors import InputError
from hpa.interfaces import BatchAugmentation, CellBatch


class BatchSteps:
    """Applies named steps in their order.

    Args:
        steps: Augmentations; without any, batches stay as they are.
    """

    def __init__(self, steps: Mapping[str, BatchAugmentation]) -> None:
        self._steps = tuple(steps.values())

    def __call__(self, batch: CellBatch) -> CellBatch:
        """Return the batch after all steps."""
        for step in self._steps:
            batch = step(batch)
        return batch


def require_crops(batch: CellBatch, step: str) -> None:
    """Make sure that a batch holds crops.

    Raises:
        InputError: If it holds whole images.
    """
    if batch.fields is not None:
        raise InputError(
            f"batch_augment: {step} changes crops, and model.view=whole_image reads whole images; take this step out, "
            "or choose batch_augment=whole_image."
        )
