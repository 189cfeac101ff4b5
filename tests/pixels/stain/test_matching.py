import numpy as np
import pytest

from hpa.pixels.stain.matching import StainMatching
from hpa.pixels.stain.profile import StainProfile
from hpa.pixels.stain.separation import Macenko, Vahadane
from tests.pixels.stained_sections import DAB, HAEMATOXYLIN, PAS, section, uniform_tiles

MACENKO = Macenko(tissue_density=0.065, angle_percentile=1.0, min_angle_deg=5.0)
WAYS = {"macenko": MACENKO, "vahadane": Vahadane(MACENKO, sparsity=0.02, updates=100)}
REFERENCE = StainProfile([HAEMATOXYLIN, PAS], [0.5, 0.9])


@pytest.mark.parametrize("way", WAYS)
def test_a_matched_picture_has_the_profile_of_the_reference(way):
    matched = StainMatching(WAYS[way])(section((HAEMATOXYLIN, DAB)), REFERENCE)
    profile = WAYS[way].profile(matched)
    cosines = (profile.vectors * REFERENCE.vectors).sum(axis=1)
    assert np.degrees(np.arccos(cosines.clip(-1, 1))).max() < 3
    np.testing.assert_allclose(profile.strengths, REFERENCE.strengths, rtol=0.1)


def test_matching_to_its_own_profile_changes_little():
    picture = section()
    assert np.abs(StainMatching(MACENKO)(picture, MACENKO.profile(picture)) - picture).max() < 0.1


def test_structure_is_kept_where_stains_are_exchanged():
    picture = section((HAEMATOXYLIN, DAB))
    matched = StainMatching(MACENKO)(picture, REFERENCE)
    assert np.corrcoef(picture.mean(axis=2).ravel(), matched.mean(axis=2).ravel())[0, 1] > 0.8
    glass = picture.min(axis=2) == 1
    np.testing.assert_allclose(matched[glass], 1, atol=1e-3)


@pytest.mark.parametrize("kind", uniform_tiles())
def test_tiles_without_tissue_stay_sound(kind):
    tile = uniform_tiles()[kind]
    matched = StainMatching(MACENKO)(tile, REFERENCE)
    assert 0 <= matched.min() <= matched.max() <= 1
    if kind != "half outside":
        assert np.array_equal(matched, tile)
