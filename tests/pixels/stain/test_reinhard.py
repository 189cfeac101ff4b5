import numpy as np
import pytest
from skimage.color import rgb2lab

from hpa.pixels.stain.matching import ReinhardMatching
from tests.pixels.stained_sections import section, uniform_tiles


def test_a_matched_picture_has_the_moments_of_the_reference():
    """Moments by another library, of pale colours: what cannot be shown would be cut."""
    draw = np.random.default_rng(0)
    picture, reference = (draw.normal(grey, 0.05, (64, 64, 3)).astype(np.float32) for grey in (0.6, 0.4))
    matched, aim = (rgb2lab(image).reshape(-1, 3) for image in (ReinhardMatching()(picture, reference), reference))
    np.testing.assert_allclose(matched.mean(axis=0), aim.mean(axis=0), atol=0.3)
    np.testing.assert_allclose(matched.std(axis=0), aim.std(axis=0), rtol=0.03)


def test_a_picture_is_its_own_match():
    np.testing.assert_allclose(
        ReinhardMatching()(section(), section()), section(), atol=4e-3
    )  # OpenCV's Lab is a table


@pytest.mark.parametrize("kind", uniform_tiles())
def test_tiles_without_tissue_stay_sound(kind):
    for picture, reference in ((uniform_tiles()[kind], section()), (section(), uniform_tiles()[kind])):
        matched = ReinhardMatching()(picture, reference)
        assert matched.dtype == np.float32
        assert 0 <= matched.min() <= matched.max() <= 1


def test_black_outside_the_image_stays_and_counts_for_nothing():
    outside = np.concatenate([section(), np.zeros((96, 40, 3), np.float32)], axis=1)
    matched = ReinhardMatching()(outside, section(seed=4))
    assert not matched[:, 96:].any()
    np.testing.assert_allclose(matched[:, :96], ReinhardMatching()(section(), section(seed=4)), atol=1e-5)
