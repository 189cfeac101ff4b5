"""Strategies as they are shipped: composed as the command line composes them, built around a network."""

from __future__ import annotations

from pathlib import Path

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


def shipped(choices: str, model: nn.Module, training_cells: TrainingCells | None = None) -> nn.Module:
    """Build a strategy, e.g. "supervision=dual supervision/pooling=mean"; some need a list of all cells."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", overrides=choices.split()).supervision
    return build_nested(plain(config), loss=plain_loss(), model=model, training_cells=training_cells)
