"""The pools of conf/supervision/pooling as they are shipped."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import nn

from tests.supervision.pooling.bags import attached

FOLDER = Path(__file__).parents[3] / "conf" / "supervision" / "pooling"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


def shipped_pool(name: str) -> nn.Module:
    """Build a pool with its shipped numbers."""
    return attached(instantiate(OmegaConf.load(FOLDER / f"{name}.yaml")))


@pytest.fixture(params=NAMES, scope="session")
def pool(request) -> nn.Module:
    """Each pool."""
    return shipped_pool(request.param)


@pytest.fixture(params=[name for name in NAMES if name != "noisy_or"], scope="session")
def convex(request) -> nn.Module:
    """Each pool that gives a weighted mean."""
    return shipped_pool(request.param)
