from pathlib import Path

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from omegaconf import OmegaConf

from hpa.core.dihedral import SYMMETRIES
from hpa.core.errors import InputError
from hpa.inference.cells.augmented import AugmentedCells
from hpa.inference.cells.held_out import HeldOutCells
from hpa.inference.cells.predictor import ModelPredictor
from hpa.inference.views import Views
from hpa.interfaces import CellBatch, CellPrediction

NAMES = list(SYMMETRIES)
CONF = Path(__file__).parents[3] / "conf" / "tta"
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


def augmented(predictor, symmetries=("identity",), average="probabilities", scales=(1.0,), brightness=(1.0,)):
    return AugmentedCells(predictor, Views(list(symmetries), list(scales), list(brightness), average))


def held_out_of(probabilities):
    count = len(probabilities)
    targets = np.zeros_like(probabilities)
    return HeldOutCells(Path("any"), ("a",) * count, np.arange(1, count + 1), probabilities, targets, None)


@given(
    symmetries=st.lists(st.sampled_from(NAMES), min_size=1, unique=True),
    average=st.sampled_from(["probabilities", "logits"]),
)
def test_views_of_an_equivariant_model_agree_with_the_model(batch, brightness_model, symmetries, average):
    plain = predictor_of(brightness_model())
    found = augmented(plain, symmetries, average).predict(batch)
    expected = plain.predict(batch)
    torch.testing.assert_close(found.probabilities, expected.probabilities, atol=1e-6, rtol=0)
    torch.testing.assert_close(found.features, expected.features, atol=1e-6, rtol=0)


@pytest.mark.parametrize("average", ["probabilities", "logits"])
def test_other_models_are_averaged_over_the_rotated_crops(batch, position_model, average):
    model = position_model()
    weights, bias = (values.detach().numpy() for values in model.head.parameters())
    logits = [VIEWS[name](batch.crops.numpy()).reshape(5, -1) @ weights.T + bias for name in NAMES]
    if average == "logits":
        expected = 1 / (1 + np.exp(-np.mean(logits, axis=0)))
    else:
        expected = np.mean([1 / (1 + np.exp(-view)) for view in logits], axis=0)
    found = augmented(predictor_of(model), NAMES, average).predict(batch)
    np.testing.assert_allclose(found.probabilities.numpy(), expected, atol=1e-5)


def test_mean_of_logits_survives_probabilities_of_zero_and_one(batch):
    found = augmented(Given(1.0, 0.5), ["identity", "transpose"], "logits").predict(batch)
    assert ((found.probabilities > 0.99) & (found.probabilities < 1)).all()
    found = augmented(Given(1.0, 0.0), ["identity", "transpose"], "logits").predict(batch)
    torch.testing.assert_close(found.probabilities, torch.full((5, 1), 0.5))


def test_the_view_of_the_image_is_averaged_too(batch):
    found = augmented(Given(0.2, 0.4), ["identity", "transpose"]).predict(batch)
    torch.testing.assert_close(found.image_probabilities, torch.full((1, 1), 0.3))


@pytest.mark.parametrize("symmetries", [[], ["rotate_45"], ["identity", "identity"]])
def test_symmetries_that_make_no_sense_are_refused(brightness_model, symmetries):
    with pytest.raises(InputError, match="each once"):
        augmented(predictor_of(brightness_model()), symmetries)


def test_an_unknown_average_is_refused(brightness_model):
    with pytest.raises(InputError, match="probabilities, logits, ranks"):
        augmented(predictor_of(brightness_model()), average="median")


@pytest.mark.parametrize("numbers", [[], [0.0], [-1.0], [1.0, 1.0], [float("nan")], [100.0]])
def test_sizes_and_brightnesses_that_make_no_sense_are_refused(brightness_model, numbers):
    for key in ("scales", "brightness"):
        with pytest.raises(InputError, match=f"tta.{key}"):
            augmented(predictor_of(brightness_model()), **{key: numbers})


class Seeing:
    """Keeps the batches it predicts."""

    def __init__(self):
        self.batches = []

    def predict(self, batch):
        self.batches.append(batch)
        return CellPrediction(torch.full((len(batch), 1), 0.5), torch.zeros(len(batch), 2))


@pytest.mark.parametrize(
    ("name", "changed", "views"),
    [
        ("none", {}, 1),
        ("none", {"brightness": [0.8, 1.0, 1.25]}, 3),
        ("flips", {}, 3),
        ("d4", {}, 8),
        ("d4", {"scales": [0.8, 1.0, 1.25]}, 24),
    ],
)
def test_config_predicts_each_view_once_for_the_whole_batch(batch, name, changed, views):
    seeing = Seeing()
    config = OmegaConf.merge(OmegaConf.load(CONF / f"{name}.yaml"), changed)
    AugmentedCells(seeing, instantiate(config)).predict(batch)
    assert len(seeing.batches) == views
    assert len({shown.crops.numpy().tobytes() for shown in seeing.batches}) == views
    for shown in seeing.batches:
        assert len(shown) == len(batch)
        assert torch.equal(shown.image_of_cell, batch.image_of_cell)
        assert torch.equal(shown.cell_id, batch.cell_id)


def test_crops_are_resized_and_brightened(batch):
    seeing = Seeing()
    augmented(seeing, scales=[0.5, 2.0], brightness=[1.0, 2.0]).predict(batch)
    assert [shown.crops.shape[-1] for shown in seeing.batches] == [4, 4, 16, 16]
    half, bright = seeing.batches[0].crops, seeing.batches[1].crops
    torch.testing.assert_close(bright, (2 * half).clamp(max=1))
    assert abs(float(half.mean() - batch.crops.mean())) < 0.02  # nothing brightens or darkens by resizing


def test_ranks_of_one_view_are_that_view(batch, position_model):
    plain = predictor_of(position_model())
    found = augmented(plain, average="ranks")
    assert not found.needs_held_out
    assert torch.equal(found.predict(batch).probabilities, plain.predict(batch).probabilities)


@given(sample=arrays(np.float32, (7, 1), elements=st.floats(0, 1, width=32)))
def test_the_mean_rank_of_two_views_lies_between_them(batch, sample):
    found = augmented(Given(0.25, 0.75), ["identity", "transpose"], "ranks")
    assert found.needs_held_out
    found.fit([held_out_of(sample)])
    mean = found.predict(batch).probabilities
    assert ((mean >= 0.25 - 1e-6) & (mean <= 0.75 + 1e-6)).all()


def test_the_mean_rank_is_taken_among_held_out_cells(batch):
    sample = np.float32([[0.1], [0.2], [0.3], [0.9]])
    found = augmented(Given(0.1, 0.9), ["identity", "transpose"], "ranks")
    found.fit([held_out_of(sample)])
    # ranks 1/8 and 7/8: the mean, 1/2, lies halfway between the second and third cell
    torch.testing.assert_close(found.predict(batch).probabilities, torch.full((5, 1), 0.25))
