"""Values that are changed when a run is resumed: each takes effect, or is refused by name."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from hpa.config import Config
from hpa.core.errors import InputError
from hpa.core.whole_file import whole_file
from hpa.models.tensor_file import load_plain
from hpa.overrides import differing_keys, keys_of
from hpa.training.module import TrainingModule
from hpa.training.run_folder import RunFolder

EFFECTIVE: tuple[str, ...] = (
    "trainer.",
    "optimizer.",
    "loading.",
    "augment.",
    "batch_augment.",
    "sampling.",
    "logger.",
    "data.root",
    "store.folder",
    "report",
)
"""Keys whose new values a resumed run uses; a name that ends in a dot stands for all values of the slot."""
_REASONS: Mapping[str, str] = {
    "trainer.find_learning_rate": "the learning rate is searched for before the first epoch only; set "
    "optimizer.learning_rate",
    "loading.overfit_images": "scores of other images cannot be compared, and the best epoch is chosen by them",
    "folds.": "scores of other images cannot be compared, and the best epoch is chosen by them",
    "logger.mlflow.experiment": "a run of MLflow stays in the experiment in which it began",
}
"""Why some keys cannot change once an epoch is finished."""
_AT_THE_START: Mapping[str, str] = {
    "run_dir": "resume= names the folder of the run",
    "resume": "resume= names the folder of the run",
    "plugins": "the config of the run names its packages",
    "print_config": "the settings are shown when a run begins",
    "tags": "they were written into run.json when the run began; set logger.wandb.tags for those at W&B",
    "world.": "the values of data.* were taken from it when the run began; set data.images, data.size_px",
    "stages.": "it decides what the folder of the run holds",
}
"""Why some keys do nothing to a run that has begun, be its first epoch finished or not."""


def require_effective(saved: Config, wanted: Config, has_epoch: bool = True) -> None:
    """Refuse changed values that would do nothing to a run that has begun, or would not fit its state.

    Args:
        saved: The run's config.
        wanted: The same with the values of the command line.
        has_epoch: Whether its first epoch is finished: before that, most parts are made anew.

    Raises:
        InputError: Naming each key, why it cannot change, and what to do.
    """
    keys = differing_keys(saved, wanted)
    refusals = {key: _refusal(key, saved, wanted) if has_epoch else _reason(key, _AT_THE_START) for key in keys}
    reasons = [f"{key}: {reason}" for key, reason in refusals.items() if reason]
    if reasons:
        can = ", ".join(f"{key}*" if key.endswith(".") else key for key in EFFECTIVE)
        raise InputError(
            f"resume=: {'; '.join(reasons)}. Leave it out, or start a new run; what can change is "
            f"{can if has_epoch else 'any other value, as no epoch is finished'}."
        )


def require_all_keys(config: Config, trained: Config, checkpoint: Path) -> None:
    """Refuse a run's config from which keys were removed: without them other parts, or none, would train on.

    Args:
        config: Of the run now.
        trained: What its checkpoint was trained with.
        checkpoint: Its file, for messages.

    Raises:
        InputError: Naming the keys, with the values of the checkpoint.
    """
    lost = [key for key in keys_of(trained) if key not in {*keys_of(config)}]
    lost = [key for key in lost if key.rpartition(".")[0] not in lost]
    if lost:
        named = "; ".join(f"{key}: {str(reduce(getitem, key.split('.'), trained))[:60]}" for key in lost[:3])
        more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
        raise InputError(
            f"{checkpoint.parents[1] / 'config.yaml'}: lacks keys that {checkpoint.name} was trained with ({named}"
            f"{more}); put them back, or start a new run."
        )


def require_same_state(module: nn.Module, checkpoint: Path) -> None:
    """Refuse a checkpoint whose tensors are not those of the module that shall go on from it.

    Args:
        module: What is trained: network, strategy and moving average.
        checkpoint: One that `read_saved_run` has read.

    Raises:
        InputError: Naming the first tensors that are missing, left over or of another shape, and what to do.
    """
    saved: dict[str, Tensor] = load_plain(checkpoint, mmap=True)["state_dict"]
    own = module.state_dict()
    reasons = {
        "it lacks": [name for name in own if name not in saved],
        "nothing here has its": [name for name in saved if name not in own],
        "of another shape here:": [
            f"{name} (there {tuple(saved[name].shape)}, here {tuple(value.shape)})"
            for name, value in own.items()
            if name in saved and saved[name].shape != value.shape
        ],
    }
    differences = "; ".join(f"{what} {_first(names)}" for what, names in reasons.items() if names)
    if differences:
        raise InputError(
            f"{checkpoint}: this training cannot go on, for what it keeps does not fit the parts that its config makes "
            f"here ({differences}). Another version of this package began it, or its data changed. Begin a new run, "
            "or go on with the version and the data of its start; infer.py still predicts with it if its network fits."
        )


def _first(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}"


def _refusal(key: str, saved: Config, wanted: Config) -> str | None:
    """Return why a key cannot change, None where it can."""
    if reason := _reason(key, _REASONS) or _reason(key, _AT_THE_START):
        return reason
    if key == "optimizer.average_decay" and 0 in (saved["optimizer"]["average_decay"], _average_decay(wanted)):
        return "the average of the weights is kept from the first epoch on, or not at all"
    if key.rpartition(".")[2].startswith("_"):
        return "it chooses another part, and only values can change"
    if any(_is_in(key, name) for name in EFFECTIVE):
        return None
    return "it is decided before the first epoch, and the checkpoint restores what it made"


def _reason(key: str, reasons: Mapping[str, str]) -> str | None:
    return next((reason for name, reason in reasons.items() if _is_in(key, name)), None)


def _is_in(key: str, name: str) -> bool:
    """Return whether a key is the named one, or below a name that ends in a dot."""
    return key.startswith(name) if name.endswith(".") else key == name


def _average_decay(config: Config) -> float:
    return float(config["optimizer"]["average_decay"])


@contextlib.contextmanager
def config_kept_unless_trained(run: RunFolder) -> Iterator[None]:
    """Put a run's config back as it was where the run cannot go on: a value that is refused must not stay in it."""
    before, finished = run.config_file.read_bytes(), _last_change(run)
    try:
        yield
    except Exception:
        if _last_change(run) == finished:
            with whole_file(run.config_file) as file:
                file.write(before)
        raise


def _last_change(run: RunFolder) -> int:
    """Return when the run's newest checkpoint was written, 0 where there is none."""
    checkpoint = run.newest_checkpoint()
    return 0 if checkpoint is None else checkpoint.stat().st_mtime_ns


class ChangedSettings(Callback):
    """Gives a resumed optimizer and its schedule the settings of the config, in place of those of the checkpoint.

    The state of an optimizer holds its settings, and that of a schedule the peak learning rate: restored, they would
    win over the config. Where nothing changed, every number stays as it is.
    """

    def __init__(self) -> None:
        self._is_resumed = False

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Note that there is something to override."""
        del trainer, pl_module, checkpoint
        self._is_resumed = True

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Set the optimizer's settings, and the learning rate of the next step."""
        if not self._is_resumed or not isinstance(pl_module, TrainingModule):
            return
        settings = pl_module.optimization.build(pl_module.trained_parameters()).param_groups
        (scheduler,) = (entry.scheduler for entry in trainer.lr_scheduler_configs)
        if not isinstance(scheduler, LambdaLR):
            raise TypeError(f"optimizer.schedule must make a LambdaLR, not {type(scheduler).__name__}.")
        for index, (group, wanted) in enumerate(zip(scheduler.optimizer.param_groups, settings, strict=True)):
            group.update({key: value for key, value in wanted.items() if key != "params"})
            group["initial_lr"] = scheduler.base_lrs[index] = wanted["lr"]
            group["lr"] = wanted["lr"] * scheduler.lr_lambdas[index](scheduler.last_epoch)
