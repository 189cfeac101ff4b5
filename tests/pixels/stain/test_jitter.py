import numpy as np
import pytest
from skimage.color import rgb_from_hed

from hpa.core.errors import InputError
from hpa.pixels.stain.jitter import StainJitter
from tests.pixels.stained_sections import section, uniform_tiles


def test_at_zero_strength_nothing_changes():
    picture = section()
    assert np.array_equal(StainJitter(0.0, 0.0)(picture, np.random.default_rng(1)), picture)


def test_the_same_seed_gives_the_same_change_and_another_another():
    jitter = StainJitter(0.2, 0.05)
    one, again, other = (jitter(section(), np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_each_stain_grows_by_a_factor_of_its_own():
    """A picture of one stain alone keeps its hue: densities stay on its line, at most 20 % longer or shorter."""
    for vector in rgb_from_hed:
        density = np.linspace(0, 1, 12)[:, None] * vector
        picture = np.power(10, -density).astype(np.float32)[None]
        changed = -np.log10(StainJitter(0.2, 0.0)(picture, np.random.default_rng(3))[0])
        factors = changed[1:] / density[1:]
        assert np.ptp(factors) < 0.01
        assert abs(factors.mean() - 1) <= 0.2
        assert abs(factors.mean() - 1) > 0.001


@pytest.mark.parametrize("kind", uniform_tiles())
def test_tiles_without_tissue_stay_sound(kind):
    changed = StainJitter(0.5, 0.2)(uniform_tiles()[kind], np.random.default_rng(0))
    assert changed.dtype == np.float32
    assert 0 <= changed.min() <= changed.max() <= 1  # and no NaN


def test_black_stays_black():
    assert not StainJitter(0.5, 0.2)(np.zeros((2, 2, 3), np.float32), np.random.default_rng(0)).any()


def test_a_negative_strength_is_refused():
    with pytest.raises(InputError, match="gain and shift of 0 or more"):
        StainJitter(-0.1, 0.0)
