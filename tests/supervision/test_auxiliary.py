from dataclasses import replace

import pytest
import torch
from torch import nn

from hpa.core.errors import InputError
from hpa.interfaces import Supervision
from hpa.supervision.auxiliary import AuxiliarySupervision
from hpa.supervision.dense import DenseSupervision
from tests.roles import assert_fills
from tests.supervision.striped_sections import ORGANS, SmallEncoder, sections


def plain_loss():
    return nn.BCEWithLogitsLoss()


def strategy(model, organ_weight=0.1, pixel_size_weight=0.1, organs=ORGANS):
    return AuxiliarySupervision(DenseSupervision(plain_loss()), organs, organ_weight, pixel_size_weight, model)


@pytest.mark.slow
def test_both_heads_learn_beside_the_mask():
    torch.manual_seed(0)
    model = SmallEncoder()
    supervision = strategy(model, 1.0, 1.0)
    assert_fills(supervision, Supervision)
    optimizer = torch.optim.Adam([*model.parameters(), *supervision.parameters()], 5e-3)
    first = {name: value.item() for name, value in supervision.step(model, sections(1000), 0.0).terms.items()}
    for seed in range(250):
        optimizer.zero_grad()
        torch.stack(list(supervision.step(model, sections(seed), 0.0).terms.values())).sum().backward()
        optimizer.step()
    fresh = sections(1000, count=64)
    with torch.no_grad():
        last = {name: value.item() for name, value in supervision.step(model, fresh, 1.0).terms.items()}
        predicted = supervision.heads(model(fresh).features)
    assert first.keys() == last.keys() == {"pixels", "organ", "pixel_size"}
    assert last["pixels"] < 0.2
    assert last["pixel_size"] < 0.5 * first["pixel_size"]
    targets = torch.tensor([ORGANS.index(name) for name in fresh.organs])
    assert (predicted[:, :-1].argmax(dim=1) == targets).float().mean() > 0.9


def test_masks_are_trained_and_predicted_as_without_the_heads():
    model, batch = SmallEncoder(), sections(0)
    terms = strategy(model).step(model, batch, 0.0).terms
    assert torch.equal(terms["pixels"], DenseSupervision(plain_loss()).step(model, batch, 0.0).terms["pixels"])
    assert model(batch).logits.shape == batch.targets.shape
    assert not any("heads" in name for name in model.state_dict())


def test_weights_are_factors_and_0_is_off():
    model, batch = SmallEncoder(), sections(0)
    once = strategy(model, 1.0, 1.0)
    terms = once.step(model, batch, 0.0).terms
    once.organ_weight, once.pixel_size_weight = 0.5, 0.0
    halved = once.step(model, batch, 0.0).terms
    assert torch.allclose(halved["organ"], terms["organ"] / 2)
    assert halved["pixel_size"] == 0


def test_the_errors_are_those_of_the_textbook():
    model, batch = SmallEncoder(), sections(3)
    supervision = strategy(model, 1.0, 1.0)
    terms = supervision.step(model, batch, 0.0).terms
    predicted = supervision.heads(model(batch).features)
    chosen = predicted[:, :-1].softmax(dim=1)[torch.arange(len(batch)), [ORGANS.index(name) for name in batch.organs]]
    assert torch.allclose(terms["organ"], -chosen.log().mean(), atol=1e-6)
    assert torch.allclose(terms["pixel_size"], (predicted[:, -1] - torch.log2(batch.pixel_um)).pow(2).mean(), atol=1e-6)


def test_unknown_organs_and_sizes_cost_nothing_and_keep_the_graph():
    model = SmallEncoder()
    batch = replace(sections(0, count=2), organs=("", "spleen"), pixel_um=torch.full((2,), float("nan")))
    terms = strategy(model).step(model, batch, 0.0).terms
    assert terms["organ"] == terms["pixel_size"] == 0
    torch.stack(list(terms.values())).sum().backward()
    half = replace(sections(0, count=2), organs=("", "lung"))
    one = strategy(model, 1.0)
    last = one.heads(model(half).features)[1:, :-1]
    expected = nn.functional.cross_entropy(last, torch.tensor([ORGANS.index("lung")]))
    assert torch.allclose(one.step(model, half, 0.0).terms["organ"], expected)


def test_unusable_data_settings_and_networks_are_refused():
    model = SmallEncoder()
    with pytest.raises(InputError, match="this data set has none"):
        strategy(model).step(model, replace(sections(0), organs=None), 0.0)
    with pytest.raises(InputError, match="two organs or more"):
        strategy(model, organs=("lung",))
    with pytest.raises(InputError, match=r"supervision\.pixel_size_weight"):
        strategy(model, pixel_size_weight=-1.0)
    with pytest.raises(InputError, match="needs a network with an encoder"):
        strategy(nn.Conv2d(1, 1, 1))
