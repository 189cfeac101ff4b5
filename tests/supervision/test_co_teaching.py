from __future__ import annotations

import pytest
import torch

from hpa.supervision.co_teaching import CoTeachingSupervision
from hpa.supervision.large_loss import small_loss_mask
from hpa.supervision.propagation import PropagationSupervision
from tests.supervision.shipped import shipped
from tests.supervision.toy_cells import cell_average_precision, plain_loss, tiny_model, toy_batch, train


def built(rejected_share: float = 0.5, ramp_up: float = 0.5, difference: float = 1.0):
    model = tiny_model()
    supervision = CoTeachingSupervision(plain_loss(), rejected_share, ramp_up, difference, model)
    return supervision, model


@pytest.mark.thorough
def test_cells_are_learned_by_both_networks():
    model = tiny_model()
    supervision = shipped("supervision=co_teaching", model)
    losses = train(supervision, model.train(), [toy_batch(seed) for seed in range(30)])
    assert losses[-1] < 0.6 * losses[0]
    assert cell_average_precision(model) > 0.9
    assert cell_average_precision(supervision.peer) > 0.9


@pytest.mark.parametrize("progress", [0.25, 1.0])
def test_each_learns_the_labels_of_small_loss_to_the_other(progress):
    supervision, model = built()
    batch, share = toy_batch(1), 0.5 * min(1.0, progress / 0.5)
    own, other = model.eval()(batch).logits, supervision.peer.eval()(batch).logits
    targets = batch.image_targets[batch.image_of_cell]
    terms = supervision.step(model, batch, progress).terms
    assert torch.equal(terms["cells"], plain_loss()(own, targets, small_loss_mask(other, targets, share)))
    assert torch.equal(terms["peer"], plain_loss()(other, targets, small_loss_mask(own, targets, share)))
    assert not torch.equal(small_loss_mask(other, targets, share), small_loss_mask(own, targets, share))


def test_at_the_start_it_is_propagation_twice():
    supervision, model = built()
    batch = toy_batch(0)
    terms = supervision.step(model.eval(), batch, 0.0).terms
    for name, network in (("cells", model), ("peer", supervision.peer)):
        plain = PropagationSupervision(plain_loss(), 0.0).step(network, batch, 0.0).terms["cells"]
        assert torch.allclose(terms[name], plain)


def test_a_peer_starts_as_different_as_configured():
    def distance(difference: float) -> float:
        supervision, model = built(difference=difference)
        pairs = zip(model.parameters(), supervision.peer.parameters(), strict=True)
        return sum(float((a - b).square().sum().detach()) for a, b in pairs) ** 0.5

    assert 0 < distance(0.1) < distance(0.5) < distance(1.0)
    supervision, model = built()
    first, second = (
        max(network.parameters(), key=lambda weights: weights.numel()).detach() for network in (model, supervision.peer)
    )
    assert abs(float(torch.corrcoef(torch.stack([first.flatten(), second.flatten()]))[0, 1])) < 0.1
    assert second.std().item() == pytest.approx(first.std().item(), rel=0.2)


def test_the_peer_is_trained_saved_and_loaded():
    trained, model = built()
    before = trained.peer.head.classifier.weight.clone()
    train(trained, model, [toy_batch(seed) for seed in range(2)])
    assert not torch.equal(trained.peer.head.classifier.weight, before)
    fresh, _ = built()
    fresh.load_state_dict(trained.state_dict())
    batch = toy_batch(7)
    assert torch.equal(fresh.peer.eval()(batch).logits, trained.peer.eval()(batch).logits)
