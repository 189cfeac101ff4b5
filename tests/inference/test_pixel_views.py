import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpa.core.dihedral import SYMMETRIES
from hpa.core.errors import InputError
from hpa.inference.pixel_views import AugmentedPixels, SaysProbabilities

EVERY = sorted(SYMMETRIES)


class Itself:
    """Says of each pixel its own brightness: what no symmetry changes."""

    def __init__(self):
        self.sizes = []

    def probabilities(self, planes):
        self.sizes.append(planes.shape[1:])
        return planes[0]


class FirstRow:
    """Says 0.8 of the first row, whatever is shown: what every symmetry changes."""

    def probabilities(self, planes):
        said = np.zeros(planes.shape[1:], np.float32)
        said[0] = 0.8
        return said


def augmented(predictor, symmetries=("identity",), scales=(1.0,), brightness=(1.0,), average="probabilities"):
    return AugmentedPixels(predictor, list(symmetries), list(scales), list(brightness), average)


def picture(height, width, seed=0):
    return np.random.default_rng(seed).random((1, height, width)).astype(np.float32)


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(["probabilities", "logits"]))
def test_views_of_what_turns_with_the_image_are_the_image(height, width, average):
    planes = picture(height, width)
    said = augmented(Itself(), EVERY, average=average).probabilities(planes)
    assert said.dtype == np.float32
    np.testing.assert_allclose(said, planes[0], atol=1e-6)


def test_every_view_is_turned_back_to_its_own_edge():
    said = augmented(FirstRow(), EVERY).probabilities(picture(9, 9))
    edges = np.concatenate([said[0, 1:-1], said[-1, 1:-1], said[1:-1, 0], said[1:-1, -1]])
    np.testing.assert_allclose(edges, 0.8 * 2 / 8, atol=1e-6)
    assert not said[1:-1, 1:-1].any()


def test_scales_are_asked_at_their_size_and_come_back_at_that_of_the_image():
    predictor = Itself()
    smooth = np.linspace(0.2, 0.8, 40, dtype=np.float32)[None, :, None].repeat(60, axis=2)
    said = augmented(predictor, scales=(0.5, 1.0, 2.0)).probabilities(smooth)
    assert predictor.sizes == [(20, 30), (40, 60), (80, 120)]
    np.testing.assert_allclose(said, smooth[0], atol=0.02)


def test_brightness_is_cut_at_one():
    said = augmented(Itself(), brightness=(2.0,)).probabilities(np.full((1, 4, 4), 0.7, np.float32))
    np.testing.assert_array_equal(said, 1)


def test_logits_trust_sure_views_more_and_certainty_stays_finite():
    planes = np.array([[[0.5, 1.0, 0.0]]], np.float32)
    by_mean, by_logit = (
        augmented(Itself(), brightness=(0.5, 1.0), average=average).probabilities(planes)[0]
        for average in ("probabilities", "logits")
    )
    assert by_mean == pytest.approx([0.375, 0.75, 0.0])
    assert by_logit[1] > 0.99
    assert np.isfinite(by_logit).all()


def test_views_of_views_are_said_too():
    assert isinstance(augmented(Itself()), SaysProbabilities)
    with pytest.raises(InputError, match=r"tta\.average"):
        augmented(Itself(), average="ranks")
