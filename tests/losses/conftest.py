"""What every loss is tested with: its neutral and its usual setting, and the configs as they are shipped."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import nn

CONFIGS = Path(__file__).parents[2] / "conf" / "loss"


@pytest.fixture(params=sorted(path.stem for path in CONFIGS.glob("*.yaml")))
def shipped(request) -> nn.Module:
    """Each loss of conf/loss with its shipped numbers."""
    return instantiate(OmegaConf.load(CONFIGS / f"{request.param}.yaml"))
