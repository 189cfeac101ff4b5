"""Which checkpoints `ckpt=` names: all folds of a cross-validation, and those that W&B keeps, brought here."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from hpa.models.saved_run import members_of

log = logging.getLogger(__name__)


def members(paths: Sequence[str | Path], announce: bool = False) -> list[Path]:
    """Return the folders and files of the runs that predict, in order.

    Args:
        paths: Each a run, a checkpoint, a cross-validation, or `wandb:entity/project/artifact`.
        announce: Log that all folds of a cross-validation predict.

    Raises:
        InputError: If an artifact cannot be had, or a cross-validation lists something else than its folds.
    """
    found = []
    for path in paths:
        folds = members_of(_here(path))
        if announce and len(folds) > 1:
            log.info("ckpt=%s: all %d folds predict; ckpt=%s alone is quicker", path, len(folds), folds[0])
        found += folds
    return found


def _here(path: str | Path) -> str | Path:
    if not str(path).startswith("wandb:"):
        return path
    from hpa.training.wandb_artifacts import local_checkpoint

    return local_checkpoint(path, Path(os.environ.get("HPA_CACHE") or "~/.cache/hpa").expanduser())
