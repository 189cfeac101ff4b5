from pathlib import Path

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from omegaconf import OmegaConf

from hpa.core.errors import InputError
from hpa.inference.cells.fusion import NoFusion, ProductFusion, WeightedFusion
from hpa.interfaces import CellPrediction

CONF = Path(__file__).parents[3] / "conf" / "fusion"
PROBABILITIES = arrays(np.float32, st.tuples(st.integers(0, 5), st.just(3)), elements=st.floats(0, 1, width=32))


def prediction_of(probabilities, image=None):
    features = torch.zeros(len(probabilities), 1)
    return CellPrediction(torch.from_numpy(probabilities), features, None if image is None else torch.tensor([image]))


POOLS = st.sampled_from(["mean", "max"])


@given(PROBABILITIES)
def test_no_fusion_changes_nothing(probabilities):
    np.testing.assert_array_equal(NoFusion()(prediction_of(probabilities)), probabilities)


@given(PROBABILITIES, POOLS)
def test_product_with_the_cells_pooled(probabilities, pool):
    found = ProductFusion(pool, [])(prediction_of(probabilities))
    assert found.shape == probabilities.shape
    for cell in range(len(probabilities)):
        for number in range(3):
            column = [float(row[number]) for row in probabilities]
            score = sum(column) / len(column) if pool == "mean" else max(column)
            assert found[cell, number] == pytest.approx(probabilities[cell, number] * score, abs=1e-6)


@given(PROBABILITIES, POOLS)
def test_product_with_the_view_of_the_image(probabilities, pool):
    found = ProductFusion(pool, [])(prediction_of(probabilities, image=[0.0, 0.5, 1.0]))
    np.testing.assert_allclose(found, probabilities * np.float32([0.0, 0.5, 1.0]), atol=1e-7)


@given(PROBABILITIES, POOLS)
def test_product_keeps_the_order_of_cells_within_an_image(probabilities, pool):
    found = ProductFusion(pool, [])(prediction_of(probabilities))
    for number in range(3):
        order = np.argsort(probabilities[:, number])
        assert (np.diff(found[order, number]) >= 0).all()


WEIGHTS = st.floats(0.05, 1)
MEANS = st.sampled_from(["arithmetic", "geometric"])


@given(PROBABILITIES, WEIGHTS, MEANS, POOLS)
def test_a_weighted_mean_lies_between_cell_and_image(probabilities, weight, mean, pool):
    found = WeightedFusion(weight, mean, pool)(prediction_of(probabilities))
    assert found.shape == probabilities.shape
    for number in range(3):
        column = probabilities[:, number].astype(np.float64)
        for before, after in zip(column, found[:, number], strict=True):
            image = max(column) if pool == "max" else sum(column) / len(column)
            expected = (
                before**weight * image ** (1 - weight)
                if mean == "geometric"
                else weight * before + (1 - weight) * image
            )
            assert after == pytest.approx(expected, abs=1e-6)


@given(PROBABILITIES, MEANS, POOLS)
def test_a_weight_of_one_leaves_the_cell(probabilities, mean, pool):
    found = WeightedFusion(1.0, mean, pool)(prediction_of(probabilities, image=[0.1, 0.5, 1.0]))
    np.testing.assert_allclose(found, probabilities, atol=1e-7)


@given(PROBABILITIES)
def test_half_and_half_geometrically_is_the_root_of_the_product(probabilities):
    prediction = prediction_of(probabilities)
    found = WeightedFusion(0.5, "geometric", "mean")(prediction)
    np.testing.assert_allclose(found, np.sqrt(ProductFusion("mean", [])(prediction)), atol=1e-6)


def test_the_view_of_the_image_goes_before_its_cells():
    found = WeightedFusion(0.75, "arithmetic", "max")(prediction_of(np.float32([[0.4, 0.4, 0.4]]), [0.0, 0.4, 0.8]))
    np.testing.assert_allclose(found, [[0.3, 0.4, 0.5]], rtol=1e-6)


@pytest.mark.parametrize(
    "values",
    [(0.0, "geometric", "mean"), (1.5, "geometric", "mean"), (0.5, "harmonic", "mean"), (0.5, "geometric", "top")],
)
def test_settings_that_make_no_sense_are_refused(values):
    with pytest.raises(InputError, match=r"fusion\."):
        WeightedFusion(*values)


@given(PROBABILITIES, POOLS)
def test_the_image_has_no_say_in_classes_of_the_cell_alone(probabilities, pool):
    predicted = prediction_of(probabilities)
    found = ProductFusion(pool, [1])(predicted)
    np.testing.assert_array_equal(found[:, 1], probabilities[:, 1])
    np.testing.assert_array_equal(found[:, [0, 2]], ProductFusion(pool, [])(predicted)[:, [0, 2]])


def test_a_class_of_the_cell_alone_that_does_not_exist_is_refused():
    with pytest.raises(InputError, match=r"fusion\.cell_only names classes \[3\]; they run from 0 to 2"):
        ProductFusion("mean", [3])(prediction_of(np.zeros((1, 3), np.float32)))


def test_a_product_with_an_unknown_pool_is_refused():
    with pytest.raises(InputError, match=r"fusion\.image_pool must be one of mean, max; came 'top'"):
        ProductFusion("top", [])


@pytest.mark.parametrize(
    ("name", "kind"), [("none", NoFusion), ("product", ProductFusion), ("weighted", WeightedFusion)]
)
def test_config_makes_the_fusion(name, kind):
    assert isinstance(instantiate(OmegaConf.load(CONF / f"{name}.yaml")), kind)
