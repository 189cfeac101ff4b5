"""Runs a training: the trainer with all that a run needs around it (`trainer=`)."""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning import Callback, LightningDataModule, Trainer
from pytorch_lightning.callbacks import ProgressBar
from pytorch_lightning.profilers import AdvancedProfiler, Profiler, PyTorchProfiler, SimpleProfiler
from pytorch_lightning.tuner.tuning import Tuner

from hpa.core.errors import InputError
from hpa.training.callbacks import BatchSeed, LossTerms, LostInterrupts, MetricsTable, RunProgress
from hpa.training.checkpoint import LATER, AtomicCheckpointIO, RunCheckpoints
from hpa.training.devices import Devices
from hpa.training.module import TrainingModule
from hpa.training.more_callbacks import MakesCallback
from hpa.training.patience import Patience
from hpa.training.resuming import ChangedSettings
from hpa.training.trainer_arguments import require_arguments

log = logging.getLogger(__name__)
_MAX_EPOCHS = 1_000_000


class Fit:
    """Trains a module on a data module into a run folder.

    Attributes:
        max_epochs: Epochs of the run.
        accelerator: "auto" takes a GPU if there is one; "cpu", "gpu", ….
        devices: How many, or which as [1]; -1 takes all GPUs. Each has a process of its own, on a CPU too.
        precision: "fp32", "bf16" or "fp16" as for infer.py, one of Lightning's ("32-true", "bf16-mixed", …), or "auto":
            bf16 on a GPU that has it, half on an older one, full on a CPU.
        accumulate_batches: Batches a step.
        patience_epochs: Stop after so many epochs without a better score; null never stops early.
        limit_batches: How much of an epoch is used: a share (1.0 is all of it) or a number of batches (20), for
            trying things out.
        find_learning_rate: Run a range test (Smith 2017) first and use what it suggests.
        deterministic: Refuse operations that give other bits at every run (matters on GPU).
        ties: Which of epochs with equal scores is the best: "later", or a logged number that decides, e.g. "val_loss".
        strategy: How several devices share the work: "auto" and "ddp" give each the whole network and other batches (Li
            et al. 2020, arXiv:2006.15704), "fsdp" shards the network too (Zhao et al. 2023, arXiv:2304.11277).
        nodes: Machines; srun or torchrun start the processes.
        arguments: Further arguments of Lightning's Trainer, by their names there.
        detect_anomaly: Name the operation that makes a NaN; slow.
        profiler: Time the parts of a run into its folder: "simple", "advanced" lists functions, "pytorch" operations.

    Raises:
        InputError: If there is nothing to train on, or an argument stands elsewhere.
    """

    def __init__(
        self,
        max_epochs: int,
        accelerator: str,
        devices: int | list[int] | Literal["auto"],
        precision: str,
        accumulate_batches: int,
        patience_epochs: int | None,
        limit_batches: int | float,
        find_learning_rate: bool,
        deterministic: bool,
        ties: str = LATER,
        strategy: Literal["auto", "ddp", "fsdp"] = "auto",
        nodes: int = 1,
        arguments: Mapping[str, Any] | None = None,
        detect_anomaly: bool = False,
        profiler: Literal["simple", "advanced", "pytorch"] | None = None,
    ) -> None:
        if not 1 <= max_epochs < _MAX_EPOCHS:
            raise InputError(f"trainer.max_epochs={max_epochs}: a number of epochs from 1 is expected, e.g. 20.")
        if devices in (0, []) or (isinstance(devices, int) and devices < -1):
            raise InputError(
                "trainer.devices: no device would train; write how many, which as [1], or -1 for all GPUs."
            )
        if limit_batches == 0:
            raise InputError("trainer.limit_batches=0: no batch would train; write a share (0.1) or a number of them.")
        require_arguments(arguments or {})
        self.max_epochs = max_epochs
        self.devices = Devices(accelerator, devices, nodes, strategy, precision)
        self.accumulate_batches = accumulate_batches
        self.patience_epochs = patience_epochs
        self.limit_batches = limit_batches
        self.find_learning_rate = find_learning_rate
        self.deterministic = deterministic
        self.ties = ties
        self.arguments = dict(arguments or {})
        self.detect_anomaly = detect_anomaly
        self.profiler = profiler

    def require_devices(self) -> None:
        """Refuse devices or a precision that there are none of, before anything is made.

        Raises:
            InputError: Naming the setting and what to write.
        """
        quiet_lightning()
        self.devices.require()

    def trainer(self, callbacks: list[Callback], loggers: list[Any], run_dir: Path) -> Trainer:
        """Return the Lightning trainer.

        Raises:
            InputError: If Lightning refuses the arguments.
        """
        quiet_lightning()
        arguments = {
            **self._arguments(run_dir),
            "callbacks": callbacks,
            "enable_progress_bar": any(isinstance(one, ProgressBar) for one in callbacks),
            "logger": loggers or False,
            **self.arguments,
        }
        try:
            return Trainer(**arguments)
        except (MisconfigurationException, TypeError, ValueError) as error:
            given = ", ".join(f"trainer.{name}={value}" for name, value in self.arguments.items())
            raise InputError(f"Lightning refuses the settings of the trainer ({given}): {error}") from error

    def callbacks(
        self, run_dir: Path, monitor: str, seed: int, progress: RunProgress, more: Sequence[Any] = ()
    ) -> list[Callback]:
        """Return what every run has around it, and what was chosen beside it (`callbacks=`)."""
        chosen = [one.callback(run_dir, monitor) if isinstance(one, MakesCallback) else one for one in more]
        bars = [] if any(isinstance(one, ProgressBar) for one in chosen) else [progress]
        parts: list[Callback] = [BatchSeed(seed), LostInterrupts(), ChangedSettings(), LossTerms(), *bars, *chosen]
        parts.append(MetricsTable(run_dir / "metrics.csv"))
        if self.patience_epochs is not None:
            mode = "min" if monitor.endswith("loss") else "max"
            parts.append(Patience(monitor, patience=self.patience_epochs, mode=mode, check_finite=False))
        return [*parts, RunCheckpoints(run_dir / "checkpoints", monitor, self.ties)]

    def suggest_learning_rate(self, module: TrainingModule, data: LightningDataModule, run_dir: Path) -> float:
        """Run the range test on one device and return its suggestion; the module is left as it was."""
        alone = copy.copy(self)
        alone.devices = Devices(self.devices.accelerator, 1, 1, "auto", self.devices.precision)
        finder = Tuner(alone.trainer([], [], run_dir)).lr_find(module, datamodule=data, update_attr=False)
        suggestion = finder.suggestion() if finder is not None else None
        if suggestion is None:
            log.warning("The range test found no learning rate; keeping %g.", module.learning_rate)
            return module.learning_rate
        log.info("The range test suggests optimizer.learning_rate=%g.", suggestion)
        return float(suggestion)

    def _arguments(self, run_dir: Path) -> dict[str, Any]:
        return {
            "max_epochs": self.max_epochs,
            "accelerator": self.devices.accelerator,
            "devices": self.devices.devices,
            "num_nodes": self.devices.nodes,
            "strategy": self.devices.lightning_strategy(),
            "precision": self.devices.lightning_precision(),
            "accumulate_grad_batches": self.accumulate_batches,
            "limit_train_batches": self.limit_batches,
            "limit_val_batches": self.limit_batches,
            "deterministic": self.deterministic,
            "detect_anomaly": self.detect_anomaly,
            "profiler": _profiler(self.profiler, run_dir),
            "plugins": [AtomicCheckpointIO(), *self.devices.environment()],
            "default_root_dir": run_dir,
            "num_sanity_val_steps": 0,  # the first validation is the check, and an epoch is lost to nothing
            "enable_model_summary": False,
            "log_every_n_steps": 1,
            "use_distributed_sampler": False,
        }


def _profiler(name: str | None, run_dir: Path) -> Profiler | None:
    makers = {"simple": SimpleProfiler, "advanced": AdvancedProfiler, "pytorch": PyTorchProfiler}
    return None if name is None else makers[name](dirpath=run_dir, filename="profile")


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
    # Scores are computed from what all processes collected, and are the same in each.
    warnings.filterwarnings("ignore", message=".*It is recommended to use `self.log.*sync_dist=True.*")
    # On a machine of a cluster one may train without srun; trainer.nodes says where it is needed.
    warnings.filterwarnings("ignore", message=".*`srun` command is available on your system but is not used.*")
    # The newer name is unknown to torch < 2.13; both leave the buffers to us, which are equal at the start.
    warnings.filterwarnings("ignore", message=".*`broadcast_buffers` is deprecated.*")
