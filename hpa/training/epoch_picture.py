"""A picture an epoch: some held-out cells with truth and prediction, on disk and in the tracker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import WandbLogger


class EpochPicture(Callback):
    """Draws after every validation.

    Attributes:
        draw: Writes the picture of what validation collected into a file.
        folder: Where pictures go, one an epoch.
    """

    def __init__(self, draw: Callable[[Path], None], folder: Path) -> None:
        self.draw = draw
        self.folder = folder

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the picture and show it to the tracker."""
        del pl_module
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / f"validation_epoch_{trainer.current_epoch + 1:03d}.png"
        self.draw(file)
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger):
                logger.log_image("validation", [str(file)])
