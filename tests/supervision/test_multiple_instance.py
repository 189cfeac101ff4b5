from __future__ import annotations

import dataclasses

import pytest
import torch

from hpa.supervision.multiple_instance import DualSupervision, MultipleInstanceSupervision
from hpa.supervision.pools import MaxPool, MeanPool
from hpa.supervision.propagation import PropagationSupervision
from tests.supervision.conftest import NAMES
from tests.supervision.shipped import shipped
from tests.supervision.toy_cells import cell_average_precision, plain_loss, tiny_model, toy_batch, train


def test_cells_are_learned_from_bags():
    model = tiny_model()
    supervision = shipped("supervision=multiple_instance", model)
    losses = train(supervision, model, [toy_batch(seed) for seed in range(30)])
    assert losses[-1] < 0.5 * losses[0]
    assert cell_average_precision(model) > 0.8  # by chance 0.25


@pytest.mark.slow
@pytest.mark.parametrize("pooling", NAMES)
def test_cells_are_learned_from_bags_by_every_pool(pooling):
    model = tiny_model()
    supervision = shipped(f"supervision=multiple_instance supervision/pooling={pooling}", model)
    train(supervision, model, [toy_batch(seed) for seed in range(60)])
    assert cell_average_precision(model) > 0.9


def test_a_bag_gets_the_labels_of_its_own_image():
    model, batch = tiny_model().eval(), toy_batch(0)
    batch.image_of_cell = batch.image_of_cell[torch.randperm(len(batch))]
    logits = model(batch).logits
    bags = torch.stack([logits[batch.image_of_cell == image].amax(0) for image in range(len(batch.image_targets))])
    terms = MultipleInstanceSupervision(plain_loss(), MaxPool()).step(model, batch, 0.0).terms
    assert torch.allclose(terms["bag"], plain_loss()(bags, batch.image_targets))


def test_an_image_without_cells_does_not_count():
    model, batch = tiny_model().eval(), toy_batch(0)
    kept = batch.image_of_cell != 2
    rows = torch.arange(len(batch.image_targets)) != 2
    crops, ids, images = batch.crops[kept], batch.cell_id[kept], batch.image_of_cell[kept]
    without = dataclasses.replace(batch, crops=crops, cell_id=ids, image_of_cell=images, cell_targets=None)
    closed = dataclasses.replace(
        without,
        image_of_cell=images - (images > 2).long(),
        image_targets=batch.image_targets[rows],
        cells_in_image=batch.cells_in_image[rows],
    )
    supervision = MultipleInstanceSupervision(plain_loss(), MeanPool())
    assert torch.allclose(
        supervision.step(model, without, 0.0).terms["bag"], supervision.step(model, closed, 0.0).terms["bag"]
    )


def test_weights_of_a_pool_are_trained_and_saved():
    model = tiny_model()
    trained = shipped("supervision=multiple_instance supervision/pooling=gated_attention", model)
    before = {name: value.clone() for name, value in trained.state_dict().items()}
    train(trained, model, [toy_batch(seed) for seed in range(3)])
    assert any(not torch.equal(before[name], value) for name, value in trained.state_dict().items())
    fresh = shipped("supervision=multiple_instance supervision/pooling=gated_attention", tiny_model())
    fresh.load_state_dict(trained.state_dict())
    batch = toy_batch(9)
    assert torch.equal(fresh.step(model.eval(), batch, 0.0).terms["bag"], trained.step(model, batch, 0.0).terms["bag"])


def test_images_are_kept_whole():
    assert MultipleInstanceSupervision(plain_loss(), MaxPool()).unit == "image"


@pytest.mark.slow
def test_dual_cells_are_learned_from_bags_and_their_labels():
    model = tiny_model()
    losses = train(shipped("supervision=dual", model), model, [toy_batch(seed) for seed in range(30)])
    assert losses[-1] < 0.6 * losses[0]
    assert cell_average_precision(model) > 0.8


def test_dual_its_terms_are_those_of_its_two_halves():
    model, batch = tiny_model().eval(), toy_batch(0)
    terms = DualSupervision(plain_loss(), MaxPool(), 0.3).step(model, batch, 0.0).terms
    bag = MultipleInstanceSupervision(plain_loss(), MaxPool()).step(model, batch, 0.0).terms["bag"]
    cells = PropagationSupervision(plain_loss(), 0.0).step(model, batch, 0.0).terms["cells"]
    assert torch.allclose(terms["bag"], bag)
    assert torch.allclose(terms["cells"], 0.3 * cells)


def test_dual_images_are_kept_whole():
    assert DualSupervision(plain_loss(), MaxPool(), 0.1).unit == "image"
