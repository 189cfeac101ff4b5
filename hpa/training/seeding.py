"""Random numbers of a run: fixed by (seed, epoch, batch), so that a resumed run goes on as if it had never stopped."""

from __future__ import annotations

from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from hpa.core.seeding import seed_of


class BatchSeed(Callback):
    """Seeds the generators of the device (dropout, drop path) anew before every batch.

    Before every batch, not every epoch: loaders draw from the same generator, and a resumed run starts them elsewhere.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Seed by (seed, epoch, batch)."""
        del pl_module, batch
        torch.manual_seed(seed_of(self.seed, trainer.current_epoch, batch_idx))
