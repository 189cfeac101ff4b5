import numpy as np
import pytest

from hpa.pixels.stain.profile import StainProfile
from hpa.pixels.stain.separation import Macenko
from hpa.simulation.tissue.materials import Materials
from hpa.simulation.tissue.staining import DAB, EOSIN, PAS, photographed, stained


def ground(**amounts: float) -> Materials:
    plain = {"cytoplasm": 0.5, "matrix": 0.5, "nuclear_density": 0.3} | amounts
    return Materials.blank((120, 120), 1.0, **plain)


@pytest.mark.parametrize("stain", [DAB, PAS, EOSIN], ids=lambda stain: stain.name)
def test_the_two_stains_of_a_section_can_be_separated_again(stain):
    section = ground()
    section.membrane[:60] = 1
    profile = Macenko(0.065, 1.0, 5.0).profile(stained(np.random.default_rng(0), section, stain))
    true = StainProfile(stain.colours, (1.0, 1.0))
    assert np.degrees(np.arccos((profile.vectors * true.vectors).sum(axis=1).clip(-1, 1))).max() < 10


def test_where_there_is_no_tissue_all_light_comes_through():
    section = ground()
    section.opening[:] = 1
    np.testing.assert_allclose(stained(np.random.default_rng(0), section, PAS), 1, atol=1e-6)


def test_mucus_is_what_pas_marks_and_eosin_does_not():
    section = ground(nuclear_density=0.0)
    section.membrane[60:] = 1
    drops = []
    for stain in (PAS, EOSIN):
        light = stained(np.random.default_rng(0), section, stain)
        drops.append(float(light[:60, :, 1].mean() - light[60:, :, 1].mean()))
    assert drops[0] > 2 * drops[1]


def test_a_picture_has_eight_bits_and_a_lamp():
    picture = photographed(np.random.default_rng(0), np.ones((50, 50, 3), np.float32), 0.5)
    assert picture.dtype == np.uint8
    assert 225 < picture.mean() < 255
    assert picture.std() > 1
