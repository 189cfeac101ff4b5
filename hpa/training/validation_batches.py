"""How many batches a validation used."""

from __future__ import annotations

from typing import Any


def batches_of_validation(trainer: Any) -> list[int]:
    """Return how many batches each validation of a trainer used, and how many there are.

    Killed after its last epoch, a training is resumed without any batch: the trainer has counted none then.
    """
    if trainer.num_val_batches:
        return [int(trainer.num_val_batches[0]), len(trainer.val_dataloaders)]
    whole, limit = len(trainer.datamodule.val_dataloader()), trainer.limit_val_batches
    return [min(limit, whole) if isinstance(limit, int) else int(limit * whole), whole]
