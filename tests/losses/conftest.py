"""What every loss is tested with: the configs as they are shipped, composed as the command line composes them."""

from __future__ import annotations

import inspect
from functools import cache
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import get_class
from omegaconf import DictConfig
from torch import nn

from hpa.config import build, plain

CONF = Path(__file__).parents[2] / "conf"
ALL = sorted(path.stem for path in (CONF / "loss").glob("*.yaml"))
ELEMENT_WISE = ("asymmetric", "binary_cross_entropy", "focal")
COMPARING = ("hard_log", "smooth_average_precision", "symmetric_lovasz")
"""Losses that look at other rows of a class as well."""


@cache
def config_of(name: str) -> DictConfig:
    """Compose a file of conf/loss with the parts that it names, and nothing else: every process does so to collect."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(f"loss/{name}").loss


def composed(name: str) -> nn.Module:
    """Build a loss of conf/loss with its shipped numbers."""
    return build(plain(config_of(name)))


def of_rows() -> list[str]:
    """Name the losses of rows and classes (`Loss`); those of pixels (`PixelLoss`) know no weights of elements."""
    return [name for name in ALL if takes_weights(config_of(name))]


def of_pixels() -> list[str]:
    """Name the losses of pixels that take any number of planes."""
    return [name for name in ALL if not takes_weights(config_of(name)) and name not in ("distance", "flow")]


def takes_weights(config: DictConfig) -> bool:
    """Tell whether a loss and all its parts take weights of elements."""
    own = "_target_" not in config or "weights" in inspect.signature(get_class(config["_target_"]).forward).parameters
    return own and all(takes_weights(part) for part in config.values() if isinstance(part, DictConfig))


@pytest.fixture(params=of_rows())
def shipped(request) -> nn.Module:
    """Each loss of rows and classes."""
    return composed(request.param)


@pytest.fixture(params=of_pixels())
def of_planes(request) -> nn.Module:
    """Each loss of pixels that takes any number of planes."""
    return composed(request.param)


@pytest.fixture(params=ELEMENT_WISE)
def element_wise(request) -> nn.Module:
    """Each loss that looks at one element at a time."""
    return composed(request.param)


@pytest.fixture(params=COMPARING)
def comparing(request) -> nn.Module:
    """Each loss that compares rows."""
    return composed(request.param)
