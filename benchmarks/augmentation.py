"""Crops changed one by one by albumentations (`augment=standard`) against whole batches (`batch_augment=standard`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.row import Row, cpu_ms
from hpa.config import build, plain
from hpa.interfaces import CellBatch
from hpa.overrides import compose_config

CELLS, CHANNELS, SIDE_PX, ROUNDS = 32, 4, 128, 9
ROOT = Path(__file__).resolve().parents[1]


def _part(slot: str) -> Any:
    return build(plain(compose_config(ROOT, "train", [f"{slot}=standard"]))[slot])


def measure() -> list[Row]:
    """Time both on the same crops, on one thread."""
    torch.set_num_threads(1)
    number = torch.arange(CELLS)
    crops = torch.rand(CELLS, CHANNELS, SIDE_PX, SIDE_PX, generator=torch.Generator().manual_seed(0))
    batch = CellBatch(crops, number, number, torch.ones_like(number), torch.zeros(CELLS, 19))
    one_by_one, at_once = _part("augment"), _part("batch_augment")
    pixels = [np.ascontiguousarray(crop) for crop in crops.permute(0, 2, 3, 1).numpy()]
    mask = np.ones((SIDE_PX, SIDE_PX), bool)
    peer = cpu_ms(lambda: [one_by_one(crop, mask, seed) for seed, crop in enumerate(pixels)], ROUNDS) / CELLS
    ours = cpu_ms(lambda: at_once(batch), ROUNDS) / CELLS
    name = f"augmentation of a cell, {CHANNELS} x {SIDE_PX}² px, a batch of {CELLS} at once against one by one"
    return [Row(name, ours, peer, peer / ours, "ms")]
