"""Runs a training: the trainer with all that a run needs around it (`trainer=`)."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning import Callback, LightningDataModule, Trainer
from pytorch_lightning.callbacks import EarlyStopping
from pytorch_lightning.tuner.tuning import Tuner

from hpa.core.errors import InputError
from hpa.device import choose_device
from hpa.training.callbacks import BatchSeed, MetricsTable, RunProgress
from hpa.training.checkpoint import AtomicCheckpointIO, RunCheckpoints
from hpa.training.module import TrainingModule
from hpa.training.resuming import ChangedSettings

log = logging.getLogger(__name__)

PRECISIONS: Mapping[str, str] = {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}
"""Lightning's names of the precisions of infer.py."""
LIGHTNING_PRECISIONS: tuple[str, ...] = ("32-true", "bf16-mixed", "16-mixed", "bf16-true", "16-true", "64-true")


class Fit:
    """Trains a module on a data module into a run folder.

    Attributes:
        max_epochs: Epochs of the run.
        accelerator: "auto" takes a GPU if there is one; "cpu", "gpu", ….
        devices: One, or which one as [1]: runs keep their folder to one process.
        precision: "fp32", "bf16" or "fp16" as for infer.py, one of Lightning's ("32-true", "bf16-mixed", …), or "auto":
            bf16 on a GPU that has it, half on an older one, full on a CPU.
        accumulate_batches: Batches a step.
        patience_epochs: Stop after so many epochs without a better score; null never stops early.
        limit_batches: Share (1.0) or number of batches of an epoch, for trying things out.
        find_learning_rate: Run a range test (Smith 2017) first and use what it suggests.
        deterministic: Refuse operations that give other bits at every run (matters on GPU).

    Raises:
        InputError: If more than one device is requested.
    """

    def __init__(
        self,
        max_epochs: int,
        accelerator: str,
        devices: int | list[int],
        precision: str,
        accumulate_batches: int,
        patience_epochs: int | None,
        limit_batches: int | float,
        find_learning_rate: bool,
        deterministic: bool,
    ) -> None:
        if devices != 1 and not (isinstance(devices, list) and len(devices) == 1):
            raise InputError(
                f"trainer.devices={devices}: a run trains in one process on one device; write 1, or which one as [1], "
                "and use several by runs side by side, e.g. the folds of stages=cross_validation."
            )
        if limit_batches == 0:
            raise InputError(
                "trainer.limit_batches=0: no batch would train; write a share (0.1) or a number of batches."
            )
        self.max_epochs = max_epochs
        self.accelerator = accelerator
        self.devices = devices
        self.precision = precision
        self.accumulate_batches = accumulate_batches
        self.patience_epochs = patience_epochs
        self.limit_batches = limit_batches
        self.find_learning_rate = find_learning_rate
        self.deterministic = deterministic

    def require_device(self) -> None:
        """Refuse a device or a precision that there is none of, before anything is made.

        Raises:
            InputError: Naming the setting and what to write.
        """
        precision = self._precision()
        if self.accelerator in ("auto", "cpu", "gpu", "cuda", "mps"):
            choose_device(self.accelerator, "trainer.accelerator")
        quiet_lightning()
        try:
            Trainer(
                accelerator=self.accelerator,
                devices=self.devices,
                precision=precision,  # type: ignore[arg-type]  # a string from YAML, checked above
                barebones=True,
            )
        except (MisconfigurationException, ValueError, RuntimeError) as error:
            raise InputError(
                f"trainer.accelerator={self.accelerator} trainer.devices={self.devices} trainer.precision={precision}: "
                f"{str(error).splitlines()[0]} trainer.accelerator=auto takes what there is."
            ) from error

    def trainer(self, callbacks: list[Callback], loggers: list[Any], run_dir: Path) -> Trainer:
        """Return the Lightning trainer."""
        quiet_lightning()
        return Trainer(
            max_epochs=self.max_epochs,
            accelerator=self.accelerator,
            devices=self.devices,
            precision=self._precision(),  # type: ignore[arg-type]  # a string from YAML, checked by Lightning
            accumulate_grad_batches=self.accumulate_batches,
            limit_train_batches=self.limit_batches,
            limit_val_batches=self.limit_batches,
            deterministic=self.deterministic,
            callbacks=callbacks,
            logger=loggers or False,
            plugins=[AtomicCheckpointIO()],
            default_root_dir=run_dir,
            num_sanity_val_steps=0,  # the first validation is the check, and an epoch is lost to nothing
            enable_checkpointing=True,
            enable_progress_bar=False,
            enable_model_summary=False,
            log_every_n_steps=1,
            use_distributed_sampler=False,
        )

    def callbacks(self, run_dir: Path, monitor: str, seed: int, progress: RunProgress) -> list[Callback]:
        """Return what every run has around it."""
        parts: list[Callback] = [BatchSeed(seed), ChangedSettings(), progress, MetricsTable(run_dir / "metrics.csv")]
        if self.patience_epochs is not None:
            mode = "min" if monitor.endswith("loss") else "max"
            parts.append(Patience(monitor, patience=self.patience_epochs, mode=mode, check_finite=False))
        return [*parts, RunCheckpoints(run_dir / "checkpoints", monitor)]

    def suggest_learning_rate(self, module: TrainingModule, data: LightningDataModule, run_dir: Path) -> float:
        """Run the range test and return its suggestion; the module is left as it was."""
        trainer = self.trainer([], [], run_dir)
        finder = Tuner(trainer).lr_find(module, datamodule=data, update_attr=False)
        suggestion = finder.suggestion() if finder is not None else None
        if suggestion is None:
            log.warning("The range test found no learning rate; keeping %g.", module.learning_rate)
            return module.learning_rate
        log.info("The range test suggests optimizer.learning_rate=%g.", suggestion)
        return float(suggestion)

    def _precision(self) -> str:
        if self.precision != "auto":
            name = PRECISIONS.get(self.precision, self.precision)
            if name not in LIGHTNING_PRECISIONS:
                raise InputError(
                    f"trainer.precision must be auto, {', '.join(PRECISIONS)}, or one of Lightning's "
                    f"({', '.join(LIGHTNING_PRECISIONS)}); came '{self.precision}'."
                )
            return name
        if choose_device(self.accelerator, "trainer.accelerator").type != "cuda":
            return "32-true"
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"


class Patience(EarlyStopping):
    """Stops after some epochs without a better score; a resumed run uses its own patience, not the checkpoint's."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on counting."""
        super().load_state_dict(state_dict | {"patience": self.patience})


def quiet_lightning() -> None:
    """Silence the trainer's tips; warnings that a user can act on stay."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    # Lightning suggests more workers on every loader; ours answer whole batches, and 0 is right for small sets.
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    # The moving average of the weights is never in training mode.
    warnings.filterwarnings("ignore", message=".*in eval mode at the start of training.*")
    # A few batches an epoch are right for small sets.
    warnings.filterwarnings("ignore", message=".*training batches.*is smaller than the logging interval.*")
    # The schedule of pytorch_lightning's tree utilities, nothing of ours (Lightning 2.6, torch >= 2.13).
    warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)
