from __future__ import annotations

from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from torch import nn

from hpa.config import build, plain
from hpa.core.errors import InputError
from hpa.interfaces import PixelBatch, PixelOutput
from hpa.supervision.dense import DenseSupervision
from hpa.supervision.direct import DirectSupervision
from tests.supervision.toy_cells import cell_average_precision, plain_loss, tiny_model, toy_batch, train

CONFIG = Path(__file__).parents[2] / "conf" / "supervision" / "direct.yaml"


def test_it_learns_what_cells_show():
    supervision = build(plain(OmegaConf.load(CONFIG)), loss=plain_loss())
    model = tiny_model()
    losses = train(supervision, model, [toy_batch(seed) for seed in range(30)])
    assert sum(losses[-5:]) / 5 < 0.15
    assert cell_average_precision(model) > 0.95


@pytest.mark.slow
def test_half_of_the_cells_are_enough():
    model = tiny_model()
    train(DirectSupervision(plain_loss()), model, [toy_batch(seed, known=0.5) for seed in range(30)])
    assert cell_average_precision(model) > 0.9


def test_unknown_cells_are_left_out():
    supervision, model = DirectSupervision(plain_loss()), tiny_model().eval()
    batch = toy_batch(0, known=0.5)
    known = ~batch.cell_targets.isnan().any(1)
    assert 0 < known.sum() < len(batch)
    expected = plain_loss()(model(batch).logits[known], batch.cell_targets[known])
    assert torch.allclose(supervision.step(model, batch, 0.0).terms["cells"], expected)


def test_a_batch_without_any_known_cell_costs_nothing_and_keeps_the_graph():
    supervision, model = DirectSupervision(plain_loss()), tiny_model()
    terms = supervision.step(model, toy_batch(0, known=0.0), 0.0).terms
    terms["cells"].backward()
    assert terms["cells"].item() == 0
    gradients = [p.grad for p in model.parameters()]
    assert all(g is not None and not g.any() for g in gradients)


def test_a_set_without_cell_classes_is_refused():
    batch = toy_batch(0)
    batch.cell_targets = None
    with pytest.raises(InputError, match=r"data\.cell_truth=FILE.*supervision=propagation"):
        DirectSupervision(plain_loss()).step(tiny_model(), batch, 0.0)


def test_cells_may_be_shuffled():
    assert DirectSupervision(plain_loss()).unit == "cell"


def test_dense_networks_learn_the_targets_of_pixels():
    class OneConvolution(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Conv2d(3, 2, 1)

        def forward(self, batch: PixelBatch) -> PixelOutput:
            return PixelOutput(self.layer(batch.images))

    none = torch.zeros(0, dtype=torch.int64)
    maps = torch.zeros(2, 6, 5, dtype=torch.int64)
    batch = PixelBatch(torch.rand(2, 3, 6, 5), torch.rand(2, 2, 6, 5), maps, (none, none), torch.arange(2))
    model, loss = OneConvolution(), nn.BCEWithLogitsLoss()
    terms = DenseSupervision(loss).step(model, batch, 0.0).terms
    assert terms.keys() == {"pixels"}
    assert torch.equal(terms["pixels"], loss(model(batch).logits, batch.targets))
