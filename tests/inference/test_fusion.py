from pathlib import Path

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from omegaconf import OmegaConf

from hpa.inference.fusion import NoFusion, ProductFusion
from hpa.interfaces import CellPrediction

CONF = Path(__file__).parents[2] / "conf" / "fusion"
PROBABILITIES = arrays(np.float32, st.tuples(st.integers(0, 5), st.just(3)), elements=st.floats(0, 1, width=32))


def prediction_of(probabilities, image=None):
    features = torch.zeros(len(probabilities), 1)
    return CellPrediction(torch.from_numpy(probabilities), features, None if image is None else torch.tensor([image]))


@given(PROBABILITIES)
def test_no_fusion_changes_nothing(probabilities):
    np.testing.assert_array_equal(NoFusion()(prediction_of(probabilities)), probabilities)


@given(PROBABILITIES)
def test_product_with_the_mean_of_the_cells(probabilities):
    found = ProductFusion()(prediction_of(probabilities))
    assert found.shape == probabilities.shape
    for cell in range(len(probabilities)):
        for number in range(3):
            score = sum(float(row[number]) for row in probabilities) / len(probabilities)
            assert found[cell, number] == pytest.approx(probabilities[cell, number] * score, abs=1e-6)


@given(PROBABILITIES)
def test_product_with_the_view_of_the_image(probabilities):
    found = ProductFusion()(prediction_of(probabilities, image=[0.0, 0.5, 1.0]))
    np.testing.assert_allclose(found, probabilities * np.float32([0.0, 0.5, 1.0]), atol=1e-7)


@given(PROBABILITIES)
def test_product_keeps_the_order_of_cells_within_an_image(probabilities):
    found = ProductFusion()(prediction_of(probabilities))
    for number in range(3):
        order = np.argsort(probabilities[:, number])
        assert (np.diff(found[order, number]) >= 0).all()


@pytest.mark.parametrize(("name", "kind"), [("none", NoFusion), ("product", ProductFusion)])
def test_config_makes_the_fusion(name, kind):
    assert isinstance(instantiate(OmegaConf.load(CONF / f"{name}.yaml")), kind)
