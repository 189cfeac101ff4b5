import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpa.core.dihedral import SYMMETRIES
from hpa.core.errors import InputError
from hpa.inference.tissue.augmented import AugmentedTissue, PredictsProbabilities
from hpa.inference.views import Views

EVERY = sorted(SYMMETRIES)


class Itself:
    """Predicts for each pixel its own brightness: what no symmetry changes."""

    def __init__(self):
        self.sizes = []

    def probabilities(self, planes):
        self.sizes.append(planes.shape[1:])
        return planes[0]


class FirstRow:
    """Predicts 0.8 in the first row, whatever is shown: what every symmetry changes."""

    def probabilities(self, planes):
        predicted = np.zeros(planes.shape[1:], np.float32)
        predicted[0] = 0.8
        return predicted


def augmented(predictor, symmetries=("identity",), scales=(1.0,), brightness=(1.0,), average="probabilities"):
    return AugmentedTissue(predictor, Views(list(symmetries), list(scales), list(brightness), average))


def picture(height, width, seed=0):
    return np.random.default_rng(seed).random((1, height, width)).astype(np.float32)


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(["probabilities", "logits"]))
def test_views_of_what_rotates_with_the_image_are_the_image(height, width, average):
    planes = picture(height, width)
    predicted = augmented(Itself(), EVERY, average=average).probabilities(planes)
    assert predicted.dtype == np.float32
    np.testing.assert_allclose(predicted, planes[0], atol=1e-6)


def test_every_view_is_rotated_back_to_its_own_edge():
    predicted = augmented(FirstRow(), EVERY).probabilities(picture(9, 9))
    edges = np.concatenate([predicted[0, 1:-1], predicted[-1, 1:-1], predicted[1:-1, 0], predicted[1:-1, -1]])
    np.testing.assert_allclose(edges, 0.8 * 2 / 8, atol=1e-6)
    assert not predicted[1:-1, 1:-1].any()


def test_scales_are_predicted_at_their_size_and_come_back_at_that_of_the_image():
    predictor = Itself()
    smooth = np.linspace(0.2, 0.8, 40, dtype=np.float32)[None, :, None].repeat(60, axis=2)
    predicted = augmented(predictor, scales=(0.5, 1.0, 2.0)).probabilities(smooth)
    assert predictor.sizes == [(20, 30), (40, 60), (80, 120)]
    np.testing.assert_allclose(predicted, smooth[0], atol=0.02)


def test_brightness_is_clipped_at_one():
    predicted = augmented(Itself(), brightness=(2.0,)).probabilities(np.full((1, 4, 4), 0.7, np.float32))
    np.testing.assert_array_equal(predicted, 1)


def test_logits_weight_confident_views_more_and_certainty_stays_finite():
    planes = np.array([[[0.5, 1.0, 0.0]]], np.float32)
    by_mean, by_logit = (
        augmented(Itself(), brightness=(0.5, 1.0), average=average).probabilities(planes)[0]
        for average in ("probabilities", "logits")
    )
    assert by_mean == pytest.approx([0.375, 0.75, 0.0])
    assert by_logit[1] > 0.99
    assert np.isfinite(by_logit).all()


def test_ranks_are_of_cells():
    assert isinstance(augmented(Itself()), PredictsProbabilities)
    with pytest.raises(InputError, match=r"tta\.average"):
        augmented(Itself(), average="ranks")
