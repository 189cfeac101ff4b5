from __future__ import annotations

from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from hpa.config import build, plain
from hpa.supervision.propagation import PropagationSupervision
from tests.supervision.toy_cells import cell_average_precision, plain_loss, tiny_model, toy_batch, train

CONFIG = Path(__file__).parents[2] / "conf" / "supervision" / "propagation.yaml"


def test_cells_are_learned_from_labels_of_images():
    supervision = build(plain(OmegaConf.load(CONFIG)), loss=plain_loss())
    model = tiny_model()
    losses = train(supervision, model, [toy_batch(seed) for seed in range(30)])
    # Not 0: each of the three classes that a cell does not show labels its image with probability 1/4: 0.42.
    assert 0.35 < sum(losses[-5:]) / 5 < 0.56 < losses[0]
    assert cell_average_precision(model) > 0.9


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_each_cell_gets_the_labels_of_its_image(smoothing):
    model, batch = tiny_model().eval(), toy_batch(0)
    batch.image_of_cell = batch.image_of_cell[torch.randperm(len(batch))]
    logits = model(batch).logits
    total = 0.0
    for cell, image in enumerate(batch.image_of_cell.tolist()):
        for k, present in enumerate(batch.image_targets[image].tolist()):
            target = {0.0: smoothing / 2, 1.0: 1 - smoothing / 2}[present]
            p = logits[cell, k].sigmoid().item()
            total -= target * torch.tensor(p).log().item() + (1 - target) * torch.tensor(1 - p).log().item()
    terms = PropagationSupervision(plain_loss(), smoothing).step(model, batch, 0.0).terms
    assert terms["cells"].item() == pytest.approx(total / logits.numel(), rel=1e-4)


def test_the_truth_of_cells_is_not_read():
    model, batch = tiny_model().eval(), toy_batch(0)
    supervision = PropagationSupervision(plain_loss(), 0.0)
    before = supervision.step(model, batch, 0.0).terms["cells"]
    batch.cell_targets = None
    assert torch.equal(supervision.step(model, batch, 0.0).terms["cells"], before)


def test_cells_may_be_shuffled():
    assert PropagationSupervision(plain_loss(), 0.0).unit == "cell"
