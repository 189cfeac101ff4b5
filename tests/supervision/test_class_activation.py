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
from hpa.supervision.class_activation import CamConsistencySupervision, PuzzleSupervision
from tests.supervision.shipped import shipped
from tests.supervision.toy_cells import CLASSES, cell_average_precision, plain_loss, tiny_model, toy_batch, train


def test_puzzle_cells_are_learned_from_labels_of_images():
    model = tiny_model()
    losses = train(shipped("supervision=puzzle", model), model, [toy_batch(seed) for seed in range(30)])
    assert all(loss == loss for loss in losses)
    assert cell_average_precision(model) > 0.9


class Pixelwise(nn.Module):
    """Its maps are its pixels, so that those of the quarters equal that of the whole."""

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


def test_puzzle_a_network_that_sees_the_same_in_quarters_agrees():
    model, batch = Pixelwise(), toy_batch(0)
    supervision = PuzzleSupervision(plain_loss(), 0.5, 4.0, 0.5, model)
    terms = supervision.step(model, batch, 1.0).terms
    assert terms["agreement"].item() == pytest.approx(0, abs=1e-6)
    assert torch.allclose(terms["tiles"], 0.5 * terms["cells"])


def test_puzzle_the_distance_is_that_of_merged_maps_of_the_labels():
    model, batch = Pixelwise(blind=True), toy_batch(0)
    supervision = PuzzleSupervision(plain_loss(), 1.0, 4.0, 0.5, model)
    half = batch.crops.shape[-1] // 2
    whole = batch.crops.mean((2, 3))
    corners = [batch.crops[:, :, y : y + half, x : x + half].mean((2, 3)) for y in (0, half) for x in (0, half)]
    labels = batch.image_targets[batch.image_of_cell]
    area_mean = sum(corners) / 4  # the map of the whole has one place, the merged one four
    expected = ((whole - area_mean).abs() * labels).mean()
    agreement = supervision.step(model, batch, 0.25).terms["agreement"]
    assert agreement.item() == pytest.approx(2 * expected.item(), abs=1e-6)


def test_puzzle_quarters_lie_where_they_were():
    class Corner(Pixelwise):
        def forward(self, batch):
            maps = batch.crops if batch.crops.shape[-1] == 16 else nn.functional.max_pool2d(batch.crops, 2)
            return CellOutput(torch.zeros(len(batch), 1), maps.mean((2, 3)), maps)

    batch = toy_batch(0)
    supervision = PuzzleSupervision(plain_loss(), 1.0, 1.0, 0.5, Corner())
    distance = supervision.step(Corner(), batch, 1.0).terms["agreement"]
    whole = nn.functional.max_pool2d(batch.crops, 2)
    merged = nn.functional.interpolate(batch.crops, 16, mode="area")
    labels = batch.image_targets[batch.image_of_cell][:, :, None, None]
    assert torch.allclose(distance, l1_loss(whole * labels, merged * labels))


def test_puzzle_models_without_maps_are_refused():
    class Plain(nn.Module):
        feature_count, class_count = 1, CLASSES

    with pytest.raises(InputError, match=r"write model\.view=crop"):
        PuzzleSupervision(plain_loss(), 1.0, 4.0, 0.5, Plain())


@pytest.mark.parametrize("backbone", ["test_resnet", "test_efficientnet", "test_convnext"])
def test_puzzle_the_mean_map_of_a_linear_head_is_the_logit(backbone):
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


def test_puzzle_networks_of_tokens_have_no_map():
    head = partial(LinearHead, drop_rate=0.0, prior=0.3)
    model = CropModel("test_vit", head, 4, CLASSES, None, False, 0.0, None, 0.2, 0.2).eval()
    model.gives_maps = True
    with pytest.raises(InputError, match="has no feature map"):
        model(toy_batch(0, images=1))


@pytest.mark.slow
def test_cam_consistency_cells_are_learned_from_labels_of_images():
    model = tiny_model()
    losses = train(shipped("supervision=cam_consistency", model), model, [toy_batch(seed) for seed in range(60)])
    assert losses[-1] < losses[0]
    assert cell_average_precision(model) > 0.9


class Seeing(nn.Module):
    """Its maps are its pixels; it keeps its inputs."""

    feature_count, class_count = 1, CLASSES

    def __init__(self, offset_of_the_second: float = 0.0) -> None:
        super().__init__()
        self.gives_maps = False
        self.scale = nn.Parameter(torch.ones(()))
        self.offset, self.shown = offset_of_the_second, []

    def forward(self, batch):
        maps = self.scale * batch.crops + (self.offset if self.shown else 0.0)
        self.shown.append(batch.crops)
        return CellOutput(torch.zeros(len(batch), 1), maps.mean((2, 3)), maps)


def terms(model, batch, progress=1.0, numbers=(0.5, 2.0, 0.5)):
    torch.manual_seed(0)
    supervision = CamConsistencySupervision(plain_loss(), *numbers, model)
    return supervision.step(model, batch, progress).terms


def test_cam_consistency_a_network_that_sees_places_alone_agrees():
    model, batch = Seeing(), toy_batch(0)
    found = terms(model, batch)
    assert found["agreement"].item() == pytest.approx(0, abs=1e-6)
    whole, mixed = model.shown
    changed = (whole != mixed).any(1).float().mean((1, 2))
    assert changed.max() <= 0.5 + 2 / 16  # a rectangle takes half of a crop at most
    assert (changed > 0).sum() > len(batch) / 2


def test_cam_consistency_the_distance_counts_for_the_classes_of_both_and_grows():
    batch = toy_batch(0)
    late, early = (terms(Seeing(3.0), batch, progress)["agreement"].item() for progress in (0.5, 0.25))
    assert early == pytest.approx(late / 2)
    label = batch.image_targets[batch.image_of_cell]
    assert 2 * 3.0 * label.mean() <= late <= 2 * 3.0 * min(1.0, 2 * label.mean().item())


def test_cam_consistency_labels_are_mixed_by_area():
    class Area(nn.Module):
        feature_count, class_count = 1, CLASSES
        gives_maps = False

        def forward(self, batch):
            return CellOutput(torch.zeros(len(batch), 1), batch.crops.mean((2, 3)), batch.crops)

    def squared(logits, targets):
        return (logits - targets).square().mean()

    batch = toy_batch(0)
    label = batch.image_targets[batch.image_of_cell]
    painted = label[:, :, None, None].expand(*label.shape, 16, 16).contiguous()
    supervision = CamConsistencySupervision(squared, 1.0, 1.0, 0.5, Area())
    found = supervision.step(Area(), type(batch)(**{**vars(batch), "crops": painted}), 1.0).terms
    assert found["mixed"].item() == pytest.approx(0, abs=1e-10)  # crops that show their labels show mixed ones


def test_cam_consistency_only_maps_of_mixed_crops_move():
    class Twofold(Seeing):
        def __init__(self) -> None:
            super().__init__(1.0)
            self.of_mixed = nn.Parameter(torch.ones(()))

        def forward(self, batch):
            weight = self.of_mixed if self.shown else self.scale
            self.shown.append(batch.crops)
            return CellOutput(torch.zeros(len(batch), 1), weight * batch.crops.mean((2, 3)), weight * batch.crops + 1)

    model = Twofold()
    terms(model, toy_batch(0))["agreement"].backward()
    assert model.scale.grad is None
    assert model.of_mixed.grad is not None


def test_cam_consistency_models_without_maps_are_refused():
    class Plain(nn.Module):
        feature_count, class_count = 1, CLASSES

    with pytest.raises(InputError, match=r"write model\.view=crop"):
        CamConsistencySupervision(plain_loss(), 1.0, 4.0, 0.5, Plain())
