import numpy as np
import pytest

from hpa.core.errors import InputError
from hpa.pixels.stain.separation import Macenko, Vahadane
from tests.pixels.stained_sections import DAB, EOSIN, HAEMATOXYLIN, PAS, section, uniform_tiles, unit

MACENKO = Macenko(tissue_density=0.065, angle_percentile=1.0, min_angle_deg=5.0)
WAYS = {"macenko": MACENKO, "vahadane": Vahadane(MACENKO, sparsity=0.02, updates=100)}


def angles_deg(found, true):
    return np.degrees(np.arccos(np.clip((found * unit(true)).sum(axis=1), -1, 1)))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("counterstain", [EOSIN, PAS, DAB])
def test_painted_stains_are_found_in_their_order(way, counterstain):
    profile = WAYS[way].profile(section((HAEMATOXYLIN, counterstain), (0.8, 0.6)))
    assert angles_deg(profile.vectors, (HAEMATOXYLIN, counterstain)).max() < 4
    np.testing.assert_allclose(profile.strengths, (0.8, 0.6), rtol=0.1)


@pytest.mark.parametrize("way", WAYS)
def test_the_order_of_pixels_does_not_matter(way):
    picture = section()
    profile, rotated = WAYS[way].profile(picture), WAYS[way].profile(picture[::-1, ::-1].copy())
    np.testing.assert_allclose(profile.vectors, rotated.vectors, atol=1e-4)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["white", "black", "grey", "one stain"])
def test_a_tile_without_two_stains_has_no_profile(way, kind):
    assert WAYS[way].profile(uniform_tiles()[kind]) is None


@pytest.mark.parametrize("way", WAYS)
def test_black_outside_the_image_is_no_tissue(way):
    inside = section()
    outside = np.zeros((96, 192, 3), np.float32)
    outside[:, :96] = inside
    np.testing.assert_allclose(WAYS[way].profile(outside).vectors, WAYS[way].profile(inside).vectors, atol=0.02)


def test_faint_noise_on_one_stain_is_no_second_stain():
    draw = np.random.default_rng(0)
    density = draw.random((64, 64, 1)) * unit([HAEMATOXYLIN])[0] + draw.normal(0, 0.002, (64, 64, 3))
    assert MACENKO.profile(np.power(10.0, -density).clip(0, 1).astype(np.float32)) is None


def test_a_large_picture_is_measured_on_a_grid():
    profile = MACENKO.profile(section(side=800))
    assert angles_deg(profile.vectors, (HAEMATOXYLIN, EOSIN)).max() < 4


def test_settings_out_of_range_are_refused():
    with pytest.raises(InputError, match="tissue_density > 0"):
        Macenko(0.0, 1.0, 5.0)
    with pytest.raises(InputError, match="updates >= 1"):
        Vahadane(MACENKO, 0.1, 0)
