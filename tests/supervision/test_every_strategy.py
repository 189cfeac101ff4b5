"""What every strategy makes of unusual batches, found by its YAML: as shipped, on a real network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hydra.utils import get_class
from omegaconf import OmegaConf

from tests.supervision.shipped import CONF, shipped
from tests.supervision.toy_cells import numbered, tiny_model, toy_batch


def trains_cells(file: Path) -> bool:
    strategy = get_class(OmegaConf.load(file)._target_)
    return "CellBatch" in str(strategy.step.__annotations__["batch"])


NAMES = sorted(path.stem for path in (CONF / "supervision").glob("*.yaml") if trains_cells(path))


def without_positives(batch):
    return replace(batch, image_targets=0 * batch.image_targets, cell_targets=0 * batch.cell_targets)


def with_an_image_without_cells(batch):
    kept = batch.image_of_cell != 2
    names = ("crops", "image_of_cell", "cell_id", "cell_targets")
    return replace(batch, **{name: getattr(batch, name)[kept] for name in names})


UNUSUAL = {
    "all negative": without_positives,
    "a class without positives": lambda batch: replace(
        batch, image_targets=batch.image_targets * torch.tensor([0.0, 1, 1, 1])
    ),
    "an image without cells": with_an_image_without_cells,
    "one cell": lambda _: toy_batch(3, images=1, cells=1),
    "a bag of 300 cells": lambda _: toy_batch(3, images=1, cells=300),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("unusual", UNUSUAL.values(), ids=UNUSUAL.keys())
def test_losses_and_gradients_of_unusual_batches_are_finite(name, unusual):
    model = tiny_model().train()
    (batch,), cells = numbered([unusual(toy_batch(0))])
    supervision = shipped(f"supervision={name}", model, cells)
    if len(batch) == 1:
        model.eval()  # batch normalisation in training refuses a single value itself, where a network has one
    for progress in (0.0, 0.5, 1.0):
        loss = torch.stack(list(supervision.step(model, batch, progress).terms.values())).sum()
        assert torch.isfinite(loss)
        assert loss >= 0
        loss.backward()
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in model.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_a_network_that_says_nan_is_not_made_to_look_well(name):
    model = tiny_model().train()
    supervision = shipped(f"supervision={name}", model, numbered([toy_batch(0)])[1])
    with torch.no_grad():
        model.head.classifier.bias += torch.nan
    loss = torch.stack(list(supervision.step(model, toy_batch(0), 0.5).terms.values())).sum()
    assert not torch.isfinite(loss)  # what the training module refuses, with what to do about it
