"""Weights & Biases, when it is chosen: online with a key, offline without; never prompts, never waits."""

from __future__ import annotations

import netrc
import os
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import Logger


class WandbTracking:
    """Makes the logger of a run.

    Attributes:
        project: Project that the run appears in.
        entity: User or team; null is the key's own.
        group: Runs that belong together, e.g. the folds of one model.
        tags: Words to find the run by.
    """

    def __init__(self, project: str, entity: str | None, group: str | None, tags: list[str]) -> None:
        self.project = project
        self.entity = entity
        self.group = group
        self.tags = tags

    def logger(self, folder: Path, config: dict[str, Any]) -> Logger:
        """Return Lightning's logger, writing into the run folder; `wandb sync` sends an offline run later."""
        from pytorch_lightning.loggers import WandbLogger

        offline = os.environ.get("WANDB_MODE") == "offline" or not has_key()
        logger = WandbLogger(
            name=folder.name,
            save_dir=folder,
            project=self.project,
            entity=self.entity,
            group=self.group,
            tags=self.tags,
            offline=offline,
        )
        logger.log_hyperparams(config)
        return logger


def has_key() -> bool:
    """Return whether wandb finds a key without a prompt."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        return netrc.netrc().authenticators("api.wandb.ai") is not None
    except (OSError, netrc.NetrcParseError):
        return False
