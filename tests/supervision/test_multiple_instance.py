from __future__ import annotations

import dataclasses

import pytest
import torch

from hpa.supervision.multiple_instance import MultipleInstanceSupervision
from hpa.supervision.pooling.max import MaxPool
from hpa.supervision.pooling.mean import MeanPool
from tests.supervision.pooling.conftest import NAMES
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


def test_the_bag_is_asked_for_the_labels_of_its_own_image():
    model, batch = tiny_model().eval(), toy_batch(0)
    batch.image_of_cell = batch.image_of_cell[torch.randperm(len(batch))]
    logits = model(batch).logits
    bags = torch.stack([logits[batch.image_of_cell == image].amax(0) for image in range(len(batch.image_targets))])
    terms = MultipleInstanceSupervision(plain_loss(), MaxPool()).terms(model, batch, 0.0)
    assert torch.allclose(terms["bag"], plain_loss()(bags, batch.image_targets))


def test_an_image_without_cells_says_nothing():
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
    assert torch.allclose(supervision.terms(model, without, 0.0)["bag"], supervision.terms(model, closed, 0.0)["bag"])


def test_what_a_pool_learns_is_trained_and_saved():
    model = tiny_model()
    taught = shipped("supervision=multiple_instance supervision/pooling=gated_attention", model)
    before = {name: value.clone() for name, value in taught.state_dict().items()}
    train(taught, model, [toy_batch(seed) for seed in range(3)])
    assert any(not torch.equal(before[name], value) for name, value in taught.state_dict().items())
    fresh = shipped("supervision=multiple_instance supervision/pooling=gated_attention", tiny_model())
    fresh.load_state_dict(taught.state_dict())
    batch = toy_batch(9)
    assert torch.equal(fresh.terms(model.eval(), batch, 0.0)["bag"], taught.terms(model, batch, 0.0)["bag"])


def test_images_are_kept_whole():
    assert MultipleInstanceSupervision(plain_loss(), MaxPool()).unit == "image"
