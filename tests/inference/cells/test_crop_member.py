import numpy as np
import pytest
import torch

from hpa.cells.crops import CropSpec, crop_cells
from hpa.core.errors import InputError
from hpa.core.field import Field, Segmentation
from hpa.inference.cells.crop_member import CropMember
from hpa.inference.cells.predictor import ModelPredictor
from hpa.interfaces import SegmentedField


class Listening:
    """Passes batches on, and keeps them."""

    def __init__(self, predictor):
        self.predictor = predictor
        self.batches = []

    def predict(self, batch):
        self.batches.append(batch)
        return self.predictor.predict(batch)


@pytest.fixture
def fields(make_field):
    return [
        make_field(f"f{seed}", cells, *size, seed=seed)
        for seed, (cells, size) in enumerate([(7, (64, 96)), (0, (40, 40)), (1, (33, 70)), (12, (90, 50)), (0, (9, 9))])
    ]


def slow_reference(model, item):
    """Each cell alone, in numpy."""
    spec = CropSpec(item.field.channels, 8, masked=True, margin=0.1)
    crops = crop_cells(item.field, item.segmentation, spec).pixels
    weights, bias = (values.detach().numpy().astype(np.float64) for values in model.head.parameters())
    rows = [1 / (1 + np.exp(-(weights @ (crop / np.iinfo(crop.dtype).max).ravel() + bias))) for crop in crops]
    return np.array(rows).reshape(-1, len(bias))


def test_each_field_gets_its_own_cells_in_order(fields, make_member, position_model):
    model = position_model()
    predictions = make_member(model).predict(fields)
    for item, prediction in zip(fields, predictions, strict=True):
        np.testing.assert_allclose(prediction.probabilities.numpy(), slow_reference(model, item), atol=1e-5)
        assert len(prediction.features) == item.segmentation.cells.max()


@pytest.mark.parametrize("batch_cells", [1, 2, 3, 7, 20, 1000])
def test_batch_size_does_not_show(fields, make_member, position_model, batch_cells):
    expected = make_member(position_model(), batch_cells=64).predict(fields)
    for one, other in zip(
        expected, make_member(position_model(), batch_cells=batch_cells).predict(fields), strict=True
    ):
        torch.testing.assert_close(other.probabilities, one.probabilities, atol=1e-6, rtol=0)
        torch.testing.assert_close(other.features, one.features, atol=1e-6, rtol=0)


def test_fields_predicted_alone_or_together_are_predicted_alike(fields, make_member, position_model):
    member = make_member(position_model())
    for item, together in zip(fields, member.predict(fields), strict=True):
        [alone] = member.predict([item])
        torch.testing.assert_close(alone.probabilities, together.probabilities, atol=1e-6, rtol=0)


def test_batches_are_full_and_know_whose_cells_they_hold(fields, brightness_model):
    listening = Listening(ModelPredictor(brightness_model(), torch.device("cpu"), "fp32"))
    CropMember(listening, fields[0].field.channels, 8, True, 0.1, batch_cells=6, workers=3).predict(fields)
    assert [len(batch) for batch in listening.batches] == [6, 6, 6, 2]
    first, second = listening.batches[:2]
    assert first.image_of_cell.tolist() == [0] * 6
    assert first.cells_in_image.tolist() == [7]
    assert second.image_of_cell.tolist() == [0, 2, 3, 3, 3, 3]
    assert second.cells_in_image.tolist() == [7, 0, 1, 12]
    assert torch.cat([batch.cell_id for batch in listening.batches]).tolist() == list(range(20))


@pytest.mark.parametrize("count", [1, 3])
def test_fields_without_any_cell_give_no_rows_of_the_right_width(make_field, make_member, brightness_model, count):
    predictions = make_member(brightness_model()).predict([make_field("empty", 0)] * count)
    assert [tuple(prediction.probabilities.shape) for prediction in predictions] == [(0, 3)] * count
    assert [tuple(prediction.features.shape) for prediction in predictions] == [(0, 4)] * count


def test_no_field_gives_no_prediction(make_member, brightness_model):
    assert make_member(brightness_model()).predict([]) == []


def test_more_than_255_cells(make_field, make_member, position_model):
    item, model = make_field("crowd", 330, 120, 200), position_model()
    [prediction] = make_member(model, batch_cells=64).predict([item])
    np.testing.assert_allclose(prediction.probabilities.numpy(), slow_reference(model, item), atol=1e-5)


def test_bit_depth_is_divided_out(make_field, make_member, position_model):
    eight = make_field("eight", 9)
    wide = Field("sixteen", eight.field.pixels.astype(np.uint16) * 257, eight.field.channels, 0.08)
    predictions = make_member(position_model()).predict([eight, SegmentedField(wide, eight.segmentation)])
    # resizing rounds at the depth of the file, hence up to one grey level of 8 bit apart
    torch.testing.assert_close(predictions[0].features, predictions[1].features, atol=1 / 255, rtol=0)


def test_a_missing_channel_is_an_error(make_field, make_member, brightness_model):
    with pytest.raises(InputError, match="channel 'violet'"):
        make_member(brightness_model(), channels=["violet"]).predict([make_field("a", 2)])


def test_a_label_map_of_another_size_is_an_error(make_field, make_member, brightness_model):
    item = make_field("a", 2)
    wrong = SegmentedField(item.field, Segmentation(item.segmentation.cells[:-3]))
    with pytest.raises(InputError, match="size of the field"):
        make_member(brightness_model()).predict([make_field("b", 4), wrong])


@pytest.mark.parametrize("changes", [{"batch_cells": 0}, {"workers": 0}, {"side_px": 0}])
def test_impossible_settings_fail_at_once(make_member, brightness_model, changes):
    with pytest.raises(InputError):
        make_member(brightness_model(), **changes)
