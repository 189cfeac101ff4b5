from pathlib import Path

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from hpa.core.dihedral import SYMMETRIES
from hpa.core.errors import InputError
from hpa.inference.augmented import Augmented
from hpa.inference.model_predictor import ModelPredictor
from hpa.interfaces import CellBatch, CellPrediction

NAMES = list(SYMMETRIES)
CONF = Path(__file__).parents[2] / "conf" / "tta"
VIEWS = {  # written without the project's table of symmetries
    "identity": lambda crop: crop,
    "rotate_90": lambda crop: np.rot90(crop, 1, (-2, -1)),
    "rotate_180": lambda crop: np.rot90(crop, 2, (-2, -1)),
    "rotate_270": lambda crop: np.rot90(crop, 3, (-2, -1)),
    "flip_horizontal": lambda crop: crop[..., ::-1],
    "flip_vertical": lambda crop: crop[..., ::-1, :],
    "transpose": lambda crop: np.moveaxis(crop, -1, -2),
    "anti_transpose": lambda crop: np.moveaxis(np.rot90(crop, 2, (-2, -1)), -1, -2),
}


class Given:
    """Answers with one fixed probability after another."""

    def __init__(self, *probabilities):
        self.probabilities = iter(probabilities)

    def predict(self, batch):
        probabilities = torch.full((len(batch), 1), next(self.probabilities))
        return CellPrediction(probabilities, torch.zeros(len(batch), 2), probabilities[:1])


def batch_of(crops):
    cells = len(crops)
    return CellBatch(crops, torch.zeros(cells).long(), torch.arange(cells), torch.tensor([cells]), torch.zeros(1, 0))


@pytest.fixture(scope="module")
def batch():
    return batch_of(torch.rand(5, 4, 8, 8, generator=torch.Generator().manual_seed(3)))


def predictor_of(model):
    return ModelPredictor(model, torch.device("cpu"), "fp32")


@given(
    symmetries=st.lists(st.sampled_from(NAMES), min_size=1, unique=True),
    average=st.sampled_from(["probabilities", "logits"]),
)
def test_views_of_an_equivariant_model_agree_with_the_model(batch, brightness_model, symmetries, average):
    plain = predictor_of(brightness_model())
    found = Augmented(plain, symmetries, average).predict(batch)
    expected = plain.predict(batch)
    torch.testing.assert_close(found.probabilities, expected.probabilities, atol=1e-6, rtol=0)
    torch.testing.assert_close(found.features, expected.features, atol=1e-6, rtol=0)


@pytest.mark.parametrize("average", ["probabilities", "logits"])
def test_other_models_are_averaged_over_the_turned_crops(batch, position_model, average):
    model = position_model()
    weights, bias = (values.detach().numpy() for values in model.head.parameters())
    logits = [VIEWS[name](batch.crops.numpy()).reshape(5, -1) @ weights.T + bias for name in NAMES]
    if average == "logits":
        expected = 1 / (1 + np.exp(-np.mean(logits, axis=0)))
    else:
        expected = np.mean([1 / (1 + np.exp(-view)) for view in logits], axis=0)
    found = Augmented(predictor_of(model), NAMES, average).predict(batch)
    np.testing.assert_allclose(found.probabilities.numpy(), expected, atol=1e-5)


def test_mean_of_logits_survives_probabilities_of_zero_and_one(batch):
    found = Augmented(Given(1.0, 0.5), ["identity", "transpose"], "logits").predict(batch)
    assert ((found.probabilities > 0.99) & (found.probabilities < 1)).all()
    found = Augmented(Given(1.0, 0.0), ["identity", "transpose"], "logits").predict(batch)
    torch.testing.assert_close(found.probabilities, torch.full((5, 1), 0.5))


def test_the_view_of_the_image_is_averaged_too(batch):
    found = Augmented(Given(0.2, 0.4), ["identity", "transpose"], "probabilities").predict(batch)
    torch.testing.assert_close(found.image_probabilities, torch.full((1, 1), 0.3))


@pytest.mark.parametrize("symmetries", [[], ["rotate_45"], ["identity", "identity"]])
def test_symmetries_that_make_no_sense_are_refused(brightness_model, symmetries):
    with pytest.raises(InputError, match="each once"):
        Augmented(predictor_of(brightness_model()), symmetries, "probabilities")


def test_an_unknown_average_is_refused(brightness_model):
    with pytest.raises(InputError, match="probabilities, logits"):
        Augmented(predictor_of(brightness_model()), ["identity"], "median")


@pytest.mark.parametrize(("name", "views"), [("none", 1), ("flips", 3), ("d4", 8)])
def test_config_asks_as_often_as_it_says(batch, brightness_model, name, views):
    config = OmegaConf.load(CONF / f"{name}.yaml")
    assert len(config.symmetries) == views
    augmented = instantiate(config, predictor=predictor_of(brightness_model()))
    assert augmented.predict(batch).probabilities.shape == (5, 3)
