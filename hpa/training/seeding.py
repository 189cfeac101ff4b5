"""Random numbers of a run: fixed by (seed, epoch), so that a resumed run goes on as if it had never stopped."""

from __future__ import annotations

from pytorch_lightning import Callback, LightningModule, Trainer, seed_everything

from hpa.core.seeding import seed_of


class EpochSeed(Callback):
    """Seeds the global generators (dropout, drop path) anew at every epoch."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Seed by (seed, epoch)."""
        del pl_module
        seed_everything(seed_of(self.seed, trainer.current_epoch), verbose=False)
