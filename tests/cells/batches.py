"""Batches of cells to be changed: noise inside round cells, as crops or as whole images."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir

from hpa.config import Config, build, plain
from hpa.interfaces import BatchAugmentation, CellBatch, FieldBatch

CONF = Path(__file__).resolve().parents[2] / "conf"
CLASSES = 19


@cache  # composing takes longer than what the tests do with the step
def config_of(name: str, *overrides: str) -> Config:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return plain(compose("train", overrides=[f"batch_augment={name}", *overrides]).batch_augment)


def shipped_step(name: str, *overrides: str) -> BatchAugmentation:
    """Build a choice of batch_augment= as the command line does."""
    return build(config_of(name, *overrides))


def crop_batch(sizes: tuple[int, ...] = (4, 3, 5, 2), channels: int = 4, side: int = 16, seed: int = 0) -> CellBatch:
    """Draw images of so many cells, each image with one class of its own; a third of the cells is not annotated."""
    draw = torch.Generator().manual_seed(seed)
    image_of_cell = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    axis = torch.linspace(-1, 1, side)
    inside = axis[:, None] ** 2 + axis[None] ** 2 < 0.8
    crops = (0.2 + 0.8 * torch.rand(len(image_of_cell), channels, side, side, generator=draw)) * inside
    image_targets = torch.eye(CLASSES)[torch.arange(len(sizes)) % CLASSES]
    cell_targets = image_targets[image_of_cell].clone()
    cell_targets[::3] = torch.nan
    cells = torch.arange(len(image_of_cell))
    return CellBatch(crops, image_of_cell, 100 + cells, torch.tensor(sizes), image_targets, cell_targets)


def field_batch(grid: int = 4) -> CellBatch:
    """Draw the same images shown whole."""
    batch = crop_batch()
    images = torch.rand(len(batch.image_targets), 4, 16, 16, generator=torch.Generator().manual_seed(1))
    coverage = torch.rand(len(batch), grid, grid, generator=torch.Generator().manual_seed(2))
    coverage /= coverage.sum(dim=(1, 2), keepdim=True)
    return replace(batch, crops=batch.crops[:, :, :0, :0], fields=FieldBatch(images, coverage))
