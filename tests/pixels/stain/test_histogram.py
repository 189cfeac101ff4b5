import numpy as np
import pytest

from hpa.pixels.stain.matching import HistogramMatching
from tests.pixels.stained_sections import section, uniform_tiles


def test_a_matched_picture_has_the_quantiles_of_the_reference():
    draw = np.random.default_rng(0)
    picture, reference = (draw.beta(a, 3, (64, 64, 3)).astype(np.float32) for a in (2, 5))
    matched = HistogramMatching()(picture, reference)
    for share in (0.1, 0.5, 0.9):
        np.testing.assert_allclose(
            np.quantile(matched, share, axis=(0, 1)), np.quantile(reference, share, axis=(0, 1)), atol=0.01
        )


def test_a_picture_is_its_own_match():
    np.testing.assert_allclose(HistogramMatching()(section(), section()), section(), atol=1e-6)


def test_the_order_of_intensities_is_kept():
    picture, matched = section(), HistogramMatching()(section(), section(seed=3))
    for plane in range(3):
        order = np.argsort(picture[..., plane], axis=None)
        assert (np.diff(matched[..., plane].ravel()[order]) >= -1e-6).all()


@pytest.mark.parametrize("kind", uniform_tiles())
def test_tiles_without_tissue_stay_sound(kind):
    for picture, reference in ((uniform_tiles()[kind], section()), (section(), uniform_tiles()[kind])):
        matched = HistogramMatching()(picture, reference)
        assert matched.dtype == np.float32
        assert 0 <= matched.min() <= matched.max() <= 1


def test_black_outside_the_image_stays_and_counts_for_nothing():
    outside = np.concatenate([section(), np.zeros((96, 40, 3), np.float32)], axis=1)
    matched = HistogramMatching()(outside, section(seed=4))
    assert not matched[:, 96:].any()
    np.testing.assert_allclose(matched[:, :96], HistogramMatching()(section(), section(seed=4)), atol=1e-6)
