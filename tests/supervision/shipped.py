"""Strategies as they are shipped: composed as the command line composes them, built around a network."""

from __future__ import annotations

from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from torch import nn

from hpa.config import build, build_nested, plain
from hpa.interfaces import BatchAugmentation, TrainingCells
from tests.supervision.toy_cells import plain_loss

CONF = Path(__file__).parents[2] / "conf"


def shipped_augmentation(choices: str) -> BatchAugmentation:
    """Build a choice of batch_augment= among others."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return build(plain(compose("train", overrides=choices.split()).batch_augment))


@lru_cache
def shipped_config(choices: str) -> Any:
    """Compose the settings of a strategy, once."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return plain(compose("train", overrides=choices.split()).supervision)


def shipped(choices: str, model: nn.Module, training_cells: TrainingCells | None = None) -> nn.Module:
    """Build a strategy, e.g. "supervision=dual supervision/pooling=mean"; some need a list of all cells."""
    return build_nested(
        deepcopy(shipped_config(choices)), loss=plain_loss(), model=model, training_cells=training_cells
    )
