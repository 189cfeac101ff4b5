import numpy as np
import pytest
import torch
from torch import nn

from hpa.core.errors import InputError
from hpa.device import autocast
from hpa.inference.cells.predictor import ModelPredictor
from hpa.interfaces import CellBatch, CellOutput

CPU = torch.device("cpu")


def batch_of(crops):
    cells = len(crops)
    return CellBatch(crops, torch.zeros(cells).long(), torch.arange(cells), torch.tensor([cells]), torch.zeros(1, 0))


@pytest.fixture
def batch():
    return batch_of(torch.rand(6, 4, 8, 8, generator=torch.Generator().manual_seed(1)))


class WithDropoutAndImage(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model
        self.dropout = nn.Dropout(0.5)

    def forward(self, batch):
        output = self.model(batch)
        logits = self.dropout(output.logits)
        return CellOutput(output.features, logits, image_logits=logits.mean(dim=0, keepdim=True))


class WithOneClass(nn.Module):
    """A network of a single class."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 1)

    def forward(self, batch):
        features = batch.crops.mean(dim=(2, 3))
        return CellOutput(features, self.head(features))


def test_probabilities_are_the_sigmoid_of_the_logits(batch, position_model):
    model = position_model()
    weights, bias = (values.detach().numpy().astype(np.float64) for values in model.head.parameters())
    logits = batch.crops.numpy().astype(np.float64).reshape(6, -1) @ weights.T + bias
    prediction = ModelPredictor(model, CPU, "fp32").predict(batch)
    np.testing.assert_allclose(prediction.probabilities.numpy(), 1 / (1 + np.exp(-logits)), atol=1e-6)
    assert prediction.features.shape == (6, 5)
    assert prediction.image_probabilities is None


def test_dropout_is_off_and_the_image_head_is_passed_on(batch, brightness_model):
    plain = ModelPredictor(brightness_model(), CPU, "fp32").predict(batch)
    prediction = ModelPredictor(WithDropoutAndImage(brightness_model()).train(), CPU, "fp32").predict(batch)
    assert torch.equal(prediction.probabilities, plain.probabilities)
    torch.testing.assert_close(prediction.image_probabilities, plain.probabilities.logit().mean(0, True).sigmoid())


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_low_precision_is_near_and_comes_back_as_float32(batch, brightness_model, precision):
    model = brightness_model()
    exact = ModelPredictor(model, CPU, "fp32").predict(batch)
    rough = ModelPredictor(model, CPU, precision).predict(batch)
    assert rough.probabilities.dtype == rough.features.dtype == torch.float32
    torch.testing.assert_close(rough.probabilities, exact.probabilities, atol=0.02, rtol=0)
    assert not torch.equal(rough.probabilities, exact.probabilities)


class Nearly(nn.Module):
    """Logits that are the crops' means; remembers how many cells it was shown."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(4, 4))
        self.shown = []

    def forward(self, batch):
        self.shown.append(len(batch))
        features = batch.crops.mean(dim=(2, 3))
        return CellOutput(features, features @ self.gain.diag().diag())


def test_close_calls_are_seen_again_in_full_precision(batch):
    model = Nearly()
    logits = torch.tensor([[2.0, 1.0, 0.0, 0.0], [2.0, 2.009, 0.0, 0.0], [2.0, 1.9, 0.0, 0.0]])
    batch.crops[:] = torch.cat([logits, logits - 1])[:, :, None, None]
    prediction = ModelPredictor(model, CPU, "bf16").predict(batch)
    assert model.shown == [6, 2]
    exact = ModelPredictor(model, CPU, "fp32").predict(batch)
    for found, expected in ((prediction.probabilities, exact.probabilities), (prediction.features, exact.features)):
        assert torch.equal(found[[1, 4]], expected[[1, 4]])
    assert torch.equal(prediction.probabilities.argmax(dim=1), exact.probabilities.argmax(dim=1))


@pytest.mark.parametrize(("close", "shown"), [(4, [40, 4]), (5, [40, 4]), (6, [40]), (40, [40])])
def test_a_network_that_hardly_distinguishes_classes_sees_no_cell_twice(close, shown):
    crops = torch.zeros(40, 4, 8, 8)
    crops[close:, 0] = 1.0
    crops[:close, 0] = 0.001 * torch.arange(close, 0, -1)[:, None, None]
    number = torch.arange(40)
    one_image = {"image_of_cell": torch.zeros(40, dtype=torch.int64), "cells_in_image": torch.tensor([40])}
    model = Nearly()
    batch = CellBatch(crops=crops, cell_id=number, image_targets=torch.zeros(1, 4), **one_image)
    features = ModelPredictor(model, CPU, "bf16").predict(batch).features
    assert model.shown == shown
    if len(shown) > 1:  # the closest
        again = range(close - shown[1], close)
        assert torch.equal(features[again], ModelPredictor(model, CPU, "fp32").predict(batch).features[again])


def test_one_class_has_no_close_calls(batch):
    model = WithOneClass()
    rough, exact = (ModelPredictor(model, CPU, name).predict(batch).probabilities for name in ("bf16", "fp32"))
    torch.testing.assert_close(rough, exact, atol=0.02, rtol=0)


def test_weights_that_are_not_finite_are_refused_by_name(brightness_model):
    model = brightness_model()
    with torch.no_grad():
        model.head.weight[0, 0] = torch.nan
    with pytest.raises(InputError, match=r"head\.weight"):
        ModelPredictor(model, CPU, "fp32")


def test_logits_that_are_not_finite_are_errors_with_their_number(batch, brightness_model):
    batch.crops[2:4, 0, 0, 0] = torch.inf
    with pytest.raises(InputError, match="2 of the rows for 6 cells"):
        ModelPredictor(brightness_model(), CPU, "fp32").predict(batch)


def test_a_batch_that_overflows_in_fp16_is_run_in_fp32(batch, brightness_model):
    model = brightness_model()
    with torch.no_grad():
        model.head.weight.fill_(6e4)
        model.head.bias.fill_(6e4)
    with autocast(CPU, "fp16"):
        assert model(batch).logits.isinf().all()
    expected = ModelPredictor(model, CPU, "fp32").predict(batch)
    found = ModelPredictor(model, CPU, "fp16").predict(batch)
    assert torch.equal(found.probabilities, expected.probabilities)


def test_a_misspelt_precision_fails_at_once(brightness_model):
    with pytest.raises(InputError, match="fp32, bf16, fp16"):
        ModelPredictor(brightness_model(), CPU, "half")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-3), ("bf16", 0.02), ("fp16", 0.005)])
def test_the_gpu_agrees_with_the_cpu(batch, brightness_model, precision, tolerance):
    expected = ModelPredictor(brightness_model(), CPU, "fp32").predict(batch)
    found = ModelPredictor(brightness_model(), torch.device("cuda"), precision).predict(batch)
    assert found.probabilities.device == CPU
    torch.testing.assert_close(found.probabilities, expected.probabilities, atol=tolerance, rtol=0)
