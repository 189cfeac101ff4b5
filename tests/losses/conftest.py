"""What every loss is tested with: the configs as they are shipped, composed as the command line composes them."""

from __future__ import annotations

import inspect
from functools import cache
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import get_class, instantiate
from omegaconf import DictConfig, OmegaConf
from torch import nn

CONF = Path(__file__).parents[2] / "conf"
ELEMENT_WISE = ("asymmetric", "binary_cross_entropy", "focal")
COMPARING = ("hard_log", "smooth_average_precision", "symmetric_lovasz")
"""Losses that look at other rows of a class as well."""


@cache
def config_of(name: str) -> DictConfig:
    """Compose a file of conf/loss with the parts that it names."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", overrides=[f"loss={name}"]).loss


def composed(name: str) -> nn.Module:
    """Build a loss of conf/loss with its shipped numbers."""
    return instantiate(config_of(name), _convert_="all")


def of_rows() -> list[str]:
    """Name the losses of rows and classes (`Loss`); those of pixels (`PixelLoss`) know no weights of elements."""
    targets = {path.stem: OmegaConf.load(path)["_target_"] for path in sorted((CONF / "loss").glob("*.yaml"))}
    return [
        name for name, target in targets.items() if "weights" in inspect.signature(get_class(target).forward).parameters
    ]


@pytest.fixture(params=of_rows())
def shipped(request) -> nn.Module:
    """Each loss of rows and classes."""
    return composed(request.param)


@pytest.fixture(params=ELEMENT_WISE)
def element_wise(request) -> nn.Module:
    """Each loss that looks at one element at a time."""
    return composed(request.param)


@pytest.fixture(params=COMPARING)
def comparing(request) -> nn.Module:
    """Each loss that compares rows."""
    return composed(request.param)
