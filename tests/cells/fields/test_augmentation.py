"""Steps on whole images: cells stay under their pixels, the seed decides all."""

from __future__ import annotations

import numpy as np
import pytest

from hpa.cells.fields.augmentation import FieldSteps
from hpa.cells.fields.d4 import FieldD4
from hpa.cells.fields.light import FieldLight
from hpa.core.dihedral import SYMMETRIES
from hpa.core.errors import InputError


@pytest.fixture
def shown():
    """Each cell fills one place of the grid and shines with a grey of its own."""
    coverage = np.eye(16, dtype=np.float32).reshape(16, 4, 4)
    places = np.arange(16, dtype=np.float32).reshape(4, 4) / 32
    return np.stack([np.kron(places, np.ones((3, 3), np.float32))] * 2), coverage


def greys(shown) -> np.ndarray:
    """Mean of each cell in each channel."""
    image, coverage = shown
    means = image.reshape(len(image), 4, 3, 4, 3).mean(axis=(2, 4))
    return np.einsum("kij,cij->kc", coverage, means)


@pytest.mark.parametrize("name", list(SYMMETRIES))
def test_cells_stay_under_their_pixels(shown, name):
    turned = FieldD4([name])(shown, np.random.default_rng(0))
    np.testing.assert_allclose(greys(turned), greys(shown), atol=1e-6)
    assert (name == "identity") == np.array_equal(turned[0], shown[0])


def test_every_symmetry_is_drawn(shown):
    turns = FieldD4(list(SYMMETRIES))
    seen = {turns(shown, np.random.default_rng(seed))[0].tobytes() for seed in range(100)}
    assert len(seen) == len(SYMMETRIES)


def test_light_changes_channels_apart_within_the_gain(shown):
    image, coverage = FieldLight(0.3)(shown, np.random.default_rng(0))
    gains = image.sum(axis=(1, 2)) / shown[0].sum(axis=(1, 2))
    assert gains[0] != gains[1]
    assert np.all((gains >= 0.7) & (gains <= 1.3))
    assert coverage is shown[1]
    bright = FieldLight(0.9)((np.ones_like(shown[0]), coverage), np.random.default_rng(1))[0]
    assert bright.max() <= 1


def test_the_seed_decides_and_the_arrays_given_stay(shown):
    before = [array.copy() for array in shown]
    steps = FieldSteps([FieldD4(list(SYMMETRIES)), FieldLight(0.5)])
    first, again, other = (steps(*shown, seed) for seed in (3, 3, 4))
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])
    assert all(np.array_equal(one, two) for one, two in zip(shown, before, strict=True))


def test_no_step_changes_nothing(shown):
    image, coverage = FieldSteps([])(*shown, 0)
    assert image is shown[0]
    assert coverage is shown[1]


@pytest.mark.parametrize("names", [[], ["rotate_45"]])
def test_unknown_symmetries_are_told(names):
    with pytest.raises(InputError, match="symmetries must be some of identity"):
        FieldD4(names)


@pytest.mark.parametrize("gain", [-0.1, 1.0])
def test_an_impossible_gain_is_told(gain):
    with pytest.raises(InputError, match="gain must lie in"):
        FieldLight(gain)
