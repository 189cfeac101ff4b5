from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn
from torch.nn.functional import l1_loss

from hpa.core.errors import InputError
from hpa.interfaces import CellOutput
from hpa.models.crop import CropModel
from hpa.models.heads import LinearHead
from hpa.supervision.puzzle import PuzzleSupervision
from tests.supervision.shipped import shipped
from tests.supervision.toy_cells import CLASSES, cell_average_precision, plain_loss, tiny_model, toy_batch, train


def test_cells_are_learned_from_labels_of_images():
    model = tiny_model()
    losses = train(shipped("supervision=puzzle", model), model, [toy_batch(seed) for seed in range(30)])
    assert all(loss == loss for loss in losses)
    assert cell_average_precision(model) > 0.9


class Pixelwise(nn.Module):
    """Says of each place what its pixels are, so that quarters see what the whole sees."""

    feature_count, class_count = 1, CLASSES

    def __init__(self, blind: bool = False) -> None:
        super().__init__()
        self.gives_maps = False
        self.scale = nn.Parameter(torch.ones(()))
        self.blind = blind

    def forward(self, batch):
        pictures = batch.crops.flatten(2).mean(2)[:, :, None, None] if self.blind else batch.crops
        maps = self.scale * nn.functional.avg_pool2d(pictures, 4 if not self.blind else 1)
        return CellOutput(torch.zeros(len(batch), 1), maps.mean((2, 3)), maps if self.gives_maps else None)


def test_a_network_that_sees_the_same_in_quarters_agrees():
    model, batch = Pixelwise(), toy_batch(0)
    supervision = PuzzleSupervision(plain_loss(), 0.5, 4.0, 0.5)
    supervision.attach(model)
    terms = supervision.terms(model, batch, 1.0)
    assert terms["agreement"].item() == pytest.approx(0, abs=1e-6)
    assert torch.allclose(terms["tiles"], 0.5 * terms["cells"])


def test_the_distance_is_that_of_maps_put_together_for_classes_told():
    model, batch = Pixelwise(blind=True), toy_batch(0)
    supervision = PuzzleSupervision(plain_loss(), 1.0, 4.0, 0.5)
    supervision.attach(model)
    half = batch.crops.shape[-1] // 2
    whole = batch.crops.mean((2, 3))
    corners = [batch.crops[:, :, y : y + half, x : x + half].mean((2, 3)) for y in (0, half) for x in (0, half)]
    told = batch.image_targets[batch.image_of_cell]
    area_mean = sum(corners) / 4  # the map of the whole has one place, the merged one four
    expected = ((whole - area_mean).abs() * told).mean()
    assert supervision.terms(model, batch, 0.25)["agreement"].item() == pytest.approx(2 * expected.item(), abs=1e-6)


def test_quarters_lie_where_they_were():
    class Corner(Pixelwise):
        def forward(self, batch):
            maps = batch.crops if batch.crops.shape[-1] == 16 else nn.functional.max_pool2d(batch.crops, 2)
            return CellOutput(torch.zeros(len(batch), 1), maps.mean((2, 3)), maps)

    batch = toy_batch(0)
    supervision = PuzzleSupervision(plain_loss(), 1.0, 1.0, 0.5)
    distance = supervision.terms(Corner(), batch, 1.0)["agreement"]
    whole = nn.functional.max_pool2d(batch.crops, 2)
    merged = nn.functional.interpolate(batch.crops, 16, mode="area")
    told = batch.image_targets[batch.image_of_cell][:, :, None, None]
    assert torch.allclose(distance, l1_loss(whole * told, merged * told))


def test_models_without_maps_are_told():
    class Plain(nn.Module):
        feature_count, class_count = 1, CLASSES

    with pytest.raises(InputError, match=r"write model\.view=crop"):
        PuzzleSupervision(plain_loss(), 1.0, 4.0, 0.5).attach(Plain())


@pytest.mark.parametrize("backbone", ["test_resnet", "test_efficientnet", "test_convnext"])
def test_the_mean_map_of_a_linear_head_is_what_the_network_says(backbone):
    head = partial(LinearHead, drop_rate=0.0, prior=0.3)
    model = CropModel(backbone, head, 4, CLASSES, None, False, 0.0, None, 0.2, 0.2).eval()
    batch = toy_batch(0, images=2)
    plain = model(batch)
    assert plain.maps is None
    model.gives_maps = True
    with_maps = model(batch)
    assert torch.allclose(with_maps.logits, plain.logits, atol=1e-5)
    assert with_maps.maps.shape[:2] == (len(batch), CLASSES)
    if backbone != "test_convnext":  # it normalises after the mean
        assert torch.allclose(with_maps.maps.mean((2, 3)), plain.logits, atol=1e-4)


def test_networks_of_tokens_say_that_they_have_no_map():
    head = partial(LinearHead, drop_rate=0.0, prior=0.3)
    model = CropModel("test_vit", head, 4, CLASSES, None, False, 0.0, None, 0.2, 0.2).eval()
    model.gives_maps = True
    with pytest.raises(InputError, match="makes no map"):
        model(toy_batch(0, images=1))


@pytest.mark.parametrize("numbers", [(-1.0, 4.0, 0.5), (1.0, -4.0, 0.5), (1.0, 4.0, 0.0)])
def test_numbers_out_of_range_are_told(numbers):
    with pytest.raises(InputError, match="tile_weight"):
        PuzzleSupervision(plain_loss(), *numbers)
