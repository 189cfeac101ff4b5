import albumentations
import numpy as np
import pytest
import tifffile

from hpa.core.errors import InputError
from hpa.pixels.picture_transform import PictureTransform
from hpa.pixels.stain.jitter import StainJitter
from hpa.pixels.stain.matching import HistogramMatching, ReinhardMatching, StainMatching
from hpa.pixels.stain.profile import StainProfile
from hpa.pixels.stain.reference import MeasuredProfiles, ReferencePictures, TowardsReference
from hpa.pixels.stain.separation import Macenko
from tests.pixels.stained_sections import DAB, EOSIN, HAEMATOXYLIN, section

MACENKO = Macenko(tissue_density=0.065, angle_percentile=1.0, min_angle_deg=5.0)
PROFILE = StainProfile([HAEMATOXYLIN, EOSIN], [0.9, 0.5])
KINDS = {
    "stains": (StainMatching(MACENKO), [PROFILE]),
    "moments": (ReinhardMatching(), [section(seed=7)]),
    "histogram": (HistogramMatching(), [section(seed=7)]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_no_share_stays_and_the_whole_arrives(kind):
    matching, references = KINDS[kind]
    picture = section((HAEMATOXYLIN, DAB))
    stays = TowardsReference(matching, references, 0.0, 0.0)(picture, np.random.default_rng(0))
    arrives = TowardsReference(matching, references, 1.0, 1.0)(picture, np.random.default_rng(0))
    halfway = TowardsReference(matching, references, 0.5, 0.5)(picture, np.random.default_rng(0))
    assert np.array_equal(stays, picture)
    np.testing.assert_allclose(arrives, matching(picture, references[0]), atol=1e-6)
    np.testing.assert_allclose(halfway, (arrives + picture) / 2, atol=1e-6)


def test_each_reference_is_sampled():
    profiles = [PROFILE, StainProfile([HAEMATOXYLIN, DAB], [0.9, 0.5])]
    change = TowardsReference(StainMatching(MACENKO), profiles, 1.0, 1.0)
    results = {change(section(), np.random.default_rng(seed)).tobytes() for seed in range(12)}
    assert len(results) == 2


@pytest.mark.parametrize(("references", "low", "high"), [([], 0.0, 1.0), ([PROFILE], 0.6, 0.4), ([PROFILE], 0.0, 1.1)])
def test_no_reference_or_no_range_is_refused(references, low, high):
    with pytest.raises(InputError, match="min_share <= max_share"):
        TowardsReference(StainMatching(MACENKO), references, low, high)


def test_references_are_read_from_a_folder_and_measured(tmp_path):
    white = np.full((40, 60, 3), 255, np.uint8)
    tifffile.imwrite(tmp_path / "a.tiff", (section(side=96) * 65535).astype(np.uint16), photometric="rgb")
    tifffile.imwrite(tmp_path / "b.tiff", white, photometric="rgb")
    pictures = ReferencePictures(tmp_path, side_px=48, max_pictures=9)
    assert [picture.shape for picture in pictures] == [(48, 48, 3), (32, 48, 3)]
    assert pictures[1].min() == 1
    assert len(ReferencePictures(tmp_path, side_px=48, max_pictures=1)) == 1
    profiles = MeasuredProfiles(MACENKO, ReferencePictures(tmp_path, side_px=96, max_pictures=9))
    assert len(profiles) == 1
    assert (profiles[0].vectors * PROFILE.vectors).sum(axis=1).min() > 0.99


def test_references_without_stains_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "b.tiff", np.full((40, 60, 3), 255, np.uint8), photometric="rgb")
    with pytest.raises(InputError, match="none of 1 has them; choose pictures with tissue"):
        MeasuredProfiles(MACENKO, ReferencePictures(tmp_path, side_px=48, max_pictures=9))
    with pytest.raises(InputError, match="max_pictures >= 1"):
        ReferencePictures(tmp_path, side_px=0, max_pictures=9)


def test_our_changes_compose_with_those_of_the_library():
    steps = [
        albumentations.HueSaturationValue(p=1.0),
        PictureTransform(TowardsReference(StainMatching(MACENKO), [PROFILE], 0.0, 1.0), p=0.5),
        PictureTransform(StainJitter(0.2, 0.05), p=0.5),
        albumentations.CLAHE(p=1.0),
    ]
    compose = albumentations.Compose(steps)

    def changed(seed):
        compose.set_random_seed(seed)
        return compose(image=section())["image"]

    assert np.array_equal(changed(1), changed(1))
    assert len({changed(seed).tobytes() for seed in range(8)}) == 8
    assert changed(1).dtype == np.float32


def test_p_is_the_probability_of_a_change():
    never, always = (
        albumentations.Compose([PictureTransform(StainJitter(0.5, 0.1), p=share)], seed=0) for share in (0.0, 1.0)
    )
    assert np.array_equal(never(image=section())["image"], section())
    assert not np.array_equal(always(image=section())["image"], section())
