"""Every choice of sampling=, found by its YAML, and what each promises."""

import numpy as np
import pytest
from hydra.utils import instantiate
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from omegaconf import OmegaConf

from hpa.cells.sampling.sampler import CellSampler
from hpa.cells.sampling.weights import ClassBalancedSampling, ImageBalancedSampling, UniformSampling
from hpa.core.errors import InputError
from hpa.interfaces import Sampling
from tests.cells.batches import CONF
from tests.roles import assert_fills

FILES = sorted((CONF / "sampling").glob("*.yaml"))
labels = arrays.arrays(np.float32, arrays.array_shapes(min_dims=2, max_dims=2), elements=st.sampled_from([0.0, 1.0]))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
@pytest.mark.parametrize("unit", ["cell", "image"])
@given(targets=labels)
def test_every_image_has_a_weight_whatever_its_labels(file, unit, targets):
    sampling = instantiate(OmegaConf.load(file))
    assert_fills(sampling, Sampling)
    cells = np.arange(len(targets))
    weights = sampling.weights(targets, cells, unit)
    assert weights.shape == (len(targets),)
    assert (weights > 0).all()
    assert np.isfinite(weights).all()


def test_uniform_draws_all_alike():
    assert UniformSampling().weights(np.eye(3, dtype=np.float32), np.array([1, 2, 3]), "cell").tolist() == [1, 1, 1]


def test_the_rarest_class_of_an_image_decides():
    targets = np.zeros((111, 4), np.float32)  # classes of 100, 10, 1 and 0 images, the last with the first two
    targets[:100, 0], targets[100:110, 1], targets[110, :3] = 1, 1, 1
    half = ClassBalancedSampling(0.5, 100.0).weights(targets, np.ones(111, np.int64), "image")
    assert half[[0, 100, 110]] == pytest.approx([1, (101 / 11) ** 0.5, 101**0.5])
    capped = ClassBalancedSampling(1.0, 5.0).weights(targets, np.ones(111, np.int64), "image")
    assert capped[[0, 100, 110]].tolist() == [1, 5, 5]
    assert (ClassBalancedSampling(0.0, 5.0).weights(targets, np.ones(111, np.int64), "image") == 1).all()


def test_cells_count_where_cells_are_drawn():
    targets = np.eye(2, dtype=np.float32)
    by_cell = ClassBalancedSampling(1.0, 100.0).weights(targets, np.array([30, 3]), "cell")
    assert by_cell.tolist() == [1, 10]
    assert ClassBalancedSampling(1.0, 100.0).weights(targets, np.array([30, 3]), "image").tolist() == [1, 1]


def test_images_without_any_class_are_drawn_as_the_most_frequent():
    targets = np.zeros((3, 2), np.float32)
    assert ClassBalancedSampling(1.0, 9.0).weights(targets, np.array([1, 1, 1]), "cell").tolist() == [1, 1, 1]


@pytest.mark.parametrize("numbers", [(-0.1, 2.0), (1.1, 2.0), (0.5, 0.9)])
def test_numbers_out_of_range_are_refused(numbers):
    with pytest.raises(InputError, match="power must lie in"):
        ClassBalancedSampling(*numbers)


def drawn_images(sampling: Sampling, cells: np.ndarray, targets: np.ndarray, unit: str, epoch: int = 0) -> np.ndarray:
    image_of_row = np.repeat(np.arange(len(cells)), cells)
    weights = sampling.weights(targets, cells, unit)[image_of_row]
    sampler = CellSampler(np.arange(len(image_of_row)), image_of_row, unit=unit, batch_cells=20, cells_per_image=5,
                          seed=0, shuffle=True, epoch=epoch, weights=weights)  # fmt: skip
    return np.bincount(image_of_row[np.concatenate([request.rows for request in sampler])], minlength=len(cells))


def test_balanced_images_give_as_many_cells():
    cells = np.array([100, 10, 1])
    counts = drawn_images(ImageBalancedSampling(), cells, np.eye(3, dtype=np.float32), "cell")
    assert counts.sum() == 111
    assert np.ptp(counts) <= 12  # no cell is off by a whole draw: of ten cells some, of one at most one


@pytest.mark.parametrize("unit", ["cell", "image"])
def test_a_rare_class_is_seen_more_often(unit):
    cells, targets = np.full(40, 5), np.zeros((40, 2), np.float32)
    targets[:38, 0], targets[38:, 1] = 1, 1
    counts = sum(drawn_images(ClassBalancedSampling(1.0, 100.0), cells, targets, unit, epoch) for epoch in range(10))
    rare = counts[38:].sum() / counts.sum()
    assert 0.4 < rare < 0.6  # 0.05 of all images
