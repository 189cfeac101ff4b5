"""The pools of conf/supervision/pooling as they are shipped."""

from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import OmegaConf
from torch import nn

from hpa.config import build_nested
from tests.supervision.bags import PixelNetwork, random_weights

FOLDER = Path(__file__).parents[2] / "conf" / "supervision" / "pooling"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


def shipped_pool(name: str) -> nn.Module:
    """Build a pool with its shipped numbers."""
    return random_weights(
        build_nested(OmegaConf.to_container(OmegaConf.load(FOLDER / f"{name}.yaml")), model=PixelNetwork())
    )


@pytest.fixture(params=NAMES, scope="session")
def pool(request) -> nn.Module:
    """Each pool."""
    return shipped_pool(request.param)


@pytest.fixture(params=[name for name in NAMES if name != "noisy_or"], scope="session")
def convex(request) -> nn.Module:
    """Each pool that gives a weighted mean."""
    return shipped_pool(request.param)
