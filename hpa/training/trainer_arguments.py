"""Arguments of Lightning's Trainer: those that are passed on (`+trainer.limit_train_batches=0.5`), and others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hpa.core.errors import InputError
from hpa.core.nearest import nearest

ARGUMENTS: tuple[str, ...] = (
    *("min_epochs", "max_steps", "min_steps", "max_time"),
    *("limit_train_batches", "limit_val_batches", "limit_test_batches", "limit_predict_batches"),
    *("val_check_interval", "check_val_every_n_epoch", "num_sanity_val_steps", "log_every_n_steps"),
    *("enable_progress_bar", "enable_model_summary", "benchmark", "inference_mode", "sync_batchnorm"),
    *("reload_dataloaders_every_n_epochs", "enable_autolog_hparams"),
)
"""Those that are passed on as they are."""
ELSEWHERE: Mapping[str, str] = {
    "num_nodes": "trainer.nodes=N",
    "accumulate_grad_batches": "trainer.accumulate_batches=N",
    "gradient_clip_val": "optimizer/clipping=norm optimizer.clipping.max_norm=X",
    "gradient_clip_algorithm": "optimizer/clipping=norm, adaptive or none",
    "callbacks": "callbacks=NAME, or callbacks=[A,B]",
    "logger": "logger=NAME, or logger=[A,B]",
    "plugins": "nothing: a run writes its checkpoints by a plugin of its own, whole or not at all",
    "default_root_dir": "run_dir=RUN",
    "enable_checkpointing": "nothing: every epoch leaves RUN/checkpoints/last.ckpt",
    "use_distributed_sampler": "nothing: the samplers share batches among devices themselves",
    "fast_dev_run": "debug=fdr: one batch too, with the checkpoints, loggers and pages that Lightning's own leaves out",
    "overfit_batches": "debug=overfit",
    "barebones": "nothing: a run without checkpoints and scores leaves nothing to read",
    "model_registry": "logger=mlflow",
}
"""What to write instead of the others, which a part of a run decides."""


def require_arguments(arguments: Mapping[str, Any]) -> None:
    """Refuse arguments that are not passed on.

    Raises:
        InputError: Naming what to write instead.
    """
    for name in arguments:
        if name in ELSEWHERE:
            raise InputError(f"trainer.{name}: write {ELSEWHERE[name]}.")
        if name not in ARGUMENTS:
            near = nearest(name, ARGUMENTS) or ARGUMENTS
            raise InputError(
                f"trainer.{name}: Lightning's Trainer takes no such argument; there are {', '.join(near)}."
            )
