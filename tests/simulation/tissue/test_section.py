import numpy as np
import pytest
from scipy import ndimage

from hpa.simulation.tissue import render_section
from hpa.sources.hubmap.listing import ORGANS

SIDE = 160


@pytest.fixture(scope="module")
def sections():
    return {(split, index): render_section(0, split, index, SIDE) for split in ("train", "test") for index in range(5)}


def test_a_section_depends_on_seed_split_and_number_alone(sections):
    again = render_section(0, "train", 3, SIDE)
    assert np.array_equal(again.picture, sections["train", 3].picture)
    assert np.array_equal(again.ftu_mask, sections["train", 3].ftu_mask)
    assert not np.array_equal(render_section(1, "train", 3, SIDE).picture, again.picture)


def test_organs_alternate_and_every_section_holds_ftus_and_background(sections):
    for (_, index), section in sections.items():
        assert section.organ == ORGANS[index % 5]
        assert 0.01 < section.ftu_mask.mean() < 0.95
        assert section.picture.shape == (*section.ftu_mask.shape, 3)


@pytest.mark.slow
def test_training_images_are_of_one_scale_and_test_images_of_one_for_each_organ(sections):
    assert {section.pixel_um for (split, _), section in sections.items() if split == "train"} == {1200 / SIDE}
    large = {organ: render_section(0, "test", index, 300) for index, organ in enumerate(ORGANS)}
    ratios = {organ: section.pixel_um / 4.0 for organ, section in large.items()}
    expected = {"kidney": 1.25, "largeintestine": 0.5725, "lung": 1.89, "prostate": 1.875, "spleen": 1.236}
    assert ratios == pytest.approx(expected, rel=0.01)  # prostate would be 15.7: 160 px are the least


def test_training_and_test_stains_differ(sections):
    assert {section.stain for (split, _), section in sections.items() if split == "train"} == {"DAB"}
    assert {section.stain for (split, _), section in sections.items() if split == "test"} == {"PAS", "H&E"}

    def green_lack(section):
        """How much more green than blue is taken: magenta and pink do, brown does not."""
        tissue = section.picture[section.picture.min(axis=2) < 200].astype(float)
        return float((tissue[:, 2] - tissue[:, 1]).mean())

    of_train, of_test = (
        [green_lack(s) for (split, _), s in sections.items() if split == name] for name in ("train", "test")
    )
    assert max(of_train) < min(of_test)


def test_training_cores_are_round_and_lie_on_glass(sections):
    for index in range(5):
        section = sections["train", index]
        assert section.picture[:12, :12].min() > 200
        assert not section.ftu_mask[:12, :12].any()
        assert sections["test", index].ftu_mask[:, [0, -1]].any() or index == 0


def test_ftus_differ_from_their_surroundings(sections):
    """In each section colour, or colour of the neighbourhood, differs between FTUs and the rest of the tissue."""
    for key, section in sections.items():
        blurred = ndimage.uniform_filter(section.picture.astype(float), (9, 9, 1))
        tissue = ndimage.uniform_filter((section.picture.min(axis=2) < 215).astype(float), 31) > 0.3
        inside, outside = blurred[section.ftu_mask & tissue], blurred[~section.ftu_mask & tissue]
        apart = np.abs(inside.mean(axis=0) - outside.mean(axis=0)) / np.sqrt((inside.var(0) + outside.var(0)) / 2)
        assert apart.max() > 0.3, key


@pytest.mark.thorough
def test_no_section_of_many_is_without_an_ftu():
    for index in range(25):
        assert render_section(7, "train", index, 96).ftu_mask.any()
        assert render_section(7, "test", index, 96).ftu_mask.any()
