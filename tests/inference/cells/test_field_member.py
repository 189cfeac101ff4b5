"""Members that see whole fields: rows in order, whichever fields share a forward pass."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from hpa.cells.fields.spec import FieldSpec, coverage_of, resized_field
from hpa.core.channels import CHANNELS
from hpa.core.errors import InputError
from hpa.core.field import Segmentation
from hpa.inference.cells.augmented import AugmentedCells
from hpa.inference.cells.field_member import FieldMember
from hpa.inference.cells.predictor import ModelPredictor
from hpa.inference.joins import MeanJoin
from hpa.inference.views import Views
from hpa.interfaces import CellBatch, CellOutput, SegmentedField
from tests.inference.fixed_members import ensemble_of

SIDE_PX, STRIDE = 32, 4


class PlaceModel(nn.Module):
    """A linear layer on the mean light under each cell, after light is weighed by where in the image it is."""

    stride = STRIDE

    def __init__(self, even: bool = False) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        weigh = torch.ones(SIDE_PX, SIDE_PX) if even else torch.rand(SIDE_PX, SIDE_PX, generator=generator)
        self.register_buffer("weigh", weigh)
        self.head = nn.Linear(len(CHANNELS), 3)
        with torch.no_grad():
            self.head.weight.copy_(4 * torch.randn(3, len(CHANNELS), generator=generator))
            self.head.bias.zero_()

    def forward(self, batch: CellBatch) -> CellOutput:
        light = nn.functional.avg_pool2d(batch.fields.images * self.weigh, STRIDE)
        features = torch.einsum("kij,kcij->kc", batch.fields.coverage, light[batch.image_of_cell])
        return CellOutput(features, self.head(features))


def member_of(model: nn.Module, batch_cells: int = 8, views: list[str] | None = None, **changes) -> FieldMember:
    predictor = ModelPredictor(model, torch.device("cpu"), changes.pop("precision", "fp32"))
    shown = predictor if views is None else AugmentedCells(predictor, Views(views, [1.0], [1.0], "probabilities"))
    given = {"channels": CHANNELS, "side_px": SIDE_PX, "stride": STRIDE, "workers": 2} | changes
    return FieldMember(shown, batch_cells=batch_cells, **given)


@pytest.fixture
def fields(make_field):
    return [
        make_field(f"f{seed}", cells, *size, seed=seed)
        for seed, (cells, size) in enumerate([(7, (64, 96)), (0, (40, 40)), (1, (33, 70)), (12, (90, 50)), (0, (9, 9))])
    ]


def slow_reference(model: PlaceModel, item: SegmentedField) -> np.ndarray:
    """Each cell alone, in numpy."""
    spec = FieldSpec(CHANNELS, SIDE_PX)
    light = resized_field(item.field, spec) / 255 * model.weigh.numpy()
    light = light.reshape(len(CHANNELS), 8, STRIDE, 8, STRIDE).mean(axis=(2, 4))
    weights, bias = (values.detach().numpy() for values in model.head.parameters())
    rows = [
        1 / (1 + np.exp(-(weights @ (light * shares).sum(axis=(1, 2)) + bias)))
        for shares in coverage_of(item.segmentation.cells, spec, STRIDE)
    ]
    return np.array(rows).reshape(-1, 3)


@pytest.mark.parametrize("batch_cells", [1, 7, 8, 1000])
def test_each_field_gets_its_own_cells_in_order(fields, batch_cells):
    model = PlaceModel()
    predictions = member_of(model, batch_cells).predict(fields)
    for item, prediction in zip(fields, predictions, strict=True):
        np.testing.assert_allclose(prediction.probabilities.numpy(), slow_reference(model, item), atol=1e-5)
        assert prediction.features.shape == (item.segmentation.cells.max(), len(CHANNELS))


def test_fields_share_a_pass_while_their_cells_are_few(fields):
    member, seen = member_of(PlaceModel(), batch_cells=8), []
    ask = member._predictor

    class Listening:
        def predict(self, batch):
            seen.append(batch.cells_in_image.tolist())
            return ask.predict(batch)

    member._predictor = Listening()
    member.predict([item for item in fields if item.segmentation.cells.max()])
    assert seen == [[7, 1], [12]]


def test_no_field_gives_no_prediction():
    assert member_of(PlaceModel()).predict([]) == []


def test_views_of_a_model_that_treats_all_places_alike_are_the_model(fields):
    views = ["identity", "rotate_90", "flip_vertical", "transpose"]
    model = PlaceModel(even=True)
    for one, other in zip(member_of(model).predict(fields), member_of(model, views=views).predict(fields), strict=True):
        torch.testing.assert_close(other.probabilities, one.probabilities, atol=1e-6, rtol=0)


def test_a_view_transforms_image_and_cells_alike(fields):
    model, turned = PlaceModel(), PlaceModel()
    turned.weigh = model.weigh.rot90(-1, (0, 1)).contiguous()  # seen after a quarter turn, it weighs as before
    expected, found = member_of(turned).predict(fields), member_of(model, views=["rotate_90"]).predict(fields)
    for one, other in zip(expected, found, strict=True):
        torch.testing.assert_close(other.probabilities, one.probabilities, atol=1e-5, rtol=0)


def test_close_calls_of_half_precision_are_seen_again(fields):
    model = PlaceModel()
    half, full = (member_of(model, precision=name).predict(fields) for name in ("bf16", "fp32"))
    for one, other in zip(full, half, strict=True):
        assert torch.equal(one.probabilities.argmax(dim=1), other.probabilities.argmax(dim=1))


def test_crops_and_fields_join(fields, make_member, brightness_model):
    members = [make_member(brightness_model()), member_of(PlaceModel())]
    for item, prediction in zip(fields, ensemble_of(members, MeanJoin(2, None)).predict(fields), strict=True):
        count = int(item.segmentation.cells.max())
        assert prediction.probabilities.shape == (count, 3)
        assert prediction.features.shape == (count, 2 * len(CHANNELS))


def test_a_label_map_of_another_size_is_an_error(make_field):
    item = make_field("a", 2)
    wrong = SegmentedField(item.field, Segmentation(item.segmentation.cells[:-3]))
    with pytest.raises(InputError, match="a: the label map of cells must have the size of the field"):
        member_of(PlaceModel()).predict([wrong])


@pytest.mark.parametrize("changes", [{"batch_cells": 0}, {"workers": 0}, {"side_px": 0}, {"side_px": 30}])
def test_impossible_settings_fail_at_once(changes):
    with pytest.raises(InputError):
        member_of(PlaceModel(), **changes)
