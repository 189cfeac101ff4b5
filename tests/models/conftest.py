"""Models composed from conf/model as a run composes them, and batches of noise."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir

from hpa.config import build, plain
from hpa.interfaces import CellBatch
from hpa.models.crop import CropModel

CONF = Path(__file__).parents[2] / "conf"


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.fixture
def composed(tmp_path):
    """Compose a model from overrides of the command line."""

    def make(*overrides: str, channel_count: int = 4, class_count: int = 19) -> CropModel:
        defaults = "[batch_augment@_global_.batch_augment: none, model: tiny, _self_]"  # a view chooses the former
        (tmp_path / "tested.yaml").write_text(f"hydra:\n  searchpath: ['file://{CONF}']\ndefaults: {defaults}\n")
        with initialize_config_dir(str(tmp_path), version_base="1.3"):
            config = compose("tested", list(overrides))
        return build(plain(config.model), channel_count=channel_count, class_count=class_count)

    return make


@pytest.fixture
def noise_batch():
    """A batch of random crops of two images."""

    def make(cells: int = 3, channels: int = 4, side_px: int = 64, classes: int = 19) -> CellBatch:
        return CellBatch(
            crops=torch.rand(cells, channels, side_px, side_px),
            image_of_cell=torch.arange(cells) % 2,
            cell_id=torch.arange(cells),
            cells_in_image=torch.tensor([cells, cells]),
            image_targets=torch.eye(classes)[:2],
        )

    return make
