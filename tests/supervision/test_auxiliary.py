from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import nn

from hpa.core.errors import InputError
from hpa.interfaces import Supervision
from hpa.supervision.attach import attach_to
from hpa.supervision.auxiliary import AuxiliarySupervision
from hpa.supervision.direct import DirectSupervision
from tests.supervision.striped_sections import ORGANS, SmallEncoder, sections


def plain_loss():
    return nn.BCEWithLogitsLoss()


def strategy(model, organ_weight=0.1, pixel_size_weight=0.1, organs=ORGANS):
    made = AuxiliarySupervision(plain_loss(), partial(DirectSupervision), organs, organ_weight, pixel_size_weight)
    attach_to(made, model)
    return made


@pytest.mark.slow
def test_both_heads_learn_beside_the_mask():
    torch.manual_seed(0)
    model = SmallEncoder()
    supervision = strategy(model, 1.0, 1.0)
    assert isinstance(supervision, Supervision)
    optimizer = torch.optim.Adam([*model.parameters(), *supervision.parameters()], 5e-3)
    first = {name: value.item() for name, value in supervision.terms(model, sections(1000), 0.0).items()}
    for seed in range(250):
        optimizer.zero_grad()
        torch.stack(list(supervision.terms(model, sections(seed), 0.0).values())).sum().backward()
        optimizer.step()
    fresh = sections(1000, count=64)
    with torch.no_grad():
        last = {name: value.item() for name, value in supervision.terms(model, fresh, 1.0).items()}
        said = supervision.heads(model(fresh).features)
    assert first.keys() == last.keys() == {"pixels", "organ", "pixel_size"}
    assert last["pixels"] < 0.2
    assert last["pixel_size"] < 0.5 * first["pixel_size"]
    told = torch.tensor([ORGANS.index(name) for name in fresh.organs])
    assert (said[:, :-1].argmax(dim=1) == told).float().mean() > 0.9


def test_the_mask_is_taught_and_said_as_without_the_heads():
    model, batch = SmallEncoder(), sections(0)
    terms = strategy(model).terms(model, batch, 0.0)
    assert torch.equal(terms["pixels"], DirectSupervision(plain_loss()).terms(model, batch, 0.0)["pixels"])
    assert model(batch).logits.shape == batch.targets.shape
    assert not any("heads" in name for name in model.state_dict())


def test_weights_are_factors_and_0_is_off():
    model, batch = SmallEncoder(), sections(0)
    once = strategy(model, 1.0, 1.0)
    terms = once.terms(model, batch, 0.0)
    once.organ_weight, once.pixel_size_weight = 0.5, 0.0
    halved = once.terms(model, batch, 0.0)
    assert torch.allclose(halved["organ"], terms["organ"] / 2)
    assert halved["pixel_size"] == 0


def test_the_errors_are_those_of_the_textbook():
    model, batch = SmallEncoder(), sections(3)
    supervision = strategy(model, 1.0, 1.0)
    terms = supervision.terms(model, batch, 0.0)
    said = supervision.heads(model(batch).features)
    chosen = said[:, :-1].softmax(dim=1)[torch.arange(len(batch)), [ORGANS.index(name) for name in batch.organs]]
    assert torch.allclose(terms["organ"], -chosen.log().mean(), atol=1e-6)
    assert torch.allclose(terms["pixel_size"], (said[:, -1] - torch.log2(batch.pixel_um)).pow(2).mean(), atol=1e-6)


def test_what_nobody_knows_costs_nothing_and_keeps_the_graph():
    model = SmallEncoder()
    batch = replace(sections(0, count=2), organs=("", "spleen"), pixel_um=torch.full((2,), float("nan")))
    terms = strategy(model).terms(model, batch, 0.0)
    assert terms["organ"] == terms["pixel_size"] == 0
    torch.stack(list(terms.values())).sum().backward()
    half = replace(sections(0, count=2), organs=("", "lung"))
    one = strategy(model, 1.0)
    last = one.heads(model(half).features)[1:, :-1]
    expected = nn.functional.cross_entropy(last, torch.tensor([ORGANS.index("lung")]))
    assert torch.allclose(one.terms(model, half, 0.0)["organ"], expected)


def test_what_cannot_be_taught_is_told():
    model = SmallEncoder()
    with pytest.raises(InputError, match="this data set tells none"):
        strategy(model).terms(model, replace(sections(0), organs=None), 0.0)
    with pytest.raises(InputError, match="two organs or more"):
        strategy(model, organs=("lung",))
    with pytest.raises(InputError, match=r"supervision\.pixel_size_weight"):
        strategy(model, pixel_size_weight=-1.0)
    with pytest.raises(InputError, match="needs a network with an encoder"):
        strategy(nn.Conv2d(1, 1, 1))
