import numpy as np
import pytest

from hpa.core.field import Field
from hpa.core.levels import Levels, level_warnings, levels_of, unused_bits

DEPTHS = {"8": (np.uint8, 0), "16": (np.uint16, 0), "14 in 16": (np.uint16, 2), "12 in 16": (np.uint16, 4)}


def fields(depth, share=1.0, count=3):
    """Images of noise as a camera of some depth writes them; `share` of its range is used."""
    dtype, missing = DEPTHS[depth]
    levels = np.random.default_rng(0).random((2, 64, 64)) * [[[1.0]], [[0.5]]] * share * np.iinfo(dtype).max
    pixels = levels.astype(dtype) >> missing
    return [Field(f"i{number}", pixels, ("green", "blue"), 0.5) for number in range(count)]


def test_bright_levels_are_shares_of_the_range_whatever_the_type():
    for depth in ("8", "16"):
        [found] = levels_of(fields(depth))
        assert found.bright == pytest.approx({"green": 1.0, "blue": 0.5}, abs=0.01)
    assert [found.file_bits for found in levels_of(fields("16") + fields("8"))] == [8, 16]


@pytest.mark.parametrize("trained", DEPTHS)
@pytest.mark.parametrize("found", DEPTHS)
@pytest.mark.parametrize("share", [1.0, 0.6])
def test_every_change_of_depth_is_warned_of_and_no_other(trained, found, share):
    before, now = levels_of(fields(trained)), levels_of(fields(found, share))
    warnings = level_warnings(before, now)
    by_bits = DEPTHS[trained][1] - DEPTHS[found][1]
    assert len(warnings) == (by_bits != 0)
    for warning in warnings:
        factor = 2.0**by_bits * share
        assert (f"{factor:.0f} times brighter" if by_bits > 0 else f"{1 / factor:.0f} times darker") in warning
        assert "i0, i1, i2" in warning
        assert f"({before[0].in_words()})" in warning
    if by_bits < 0:  # the remedy brings them to the range of the training
        bits = 16 + by_bits
        assert f"data.bits={bits} " in warnings[0]
    if by_bits > 0:
        assert f"data.bits={16 - DEPTHS[trained][1]}," in warnings[0]


def test_dim_images_of_the_same_camera_are_no_other_depth():
    for trained, found, share in (("16", "16", 0.4), ("8", "8", 0.2), ("14 in 16", "14 in 16", 0.4)):
        assert not level_warnings(levels_of(fields(trained)), levels_of(fields(found, share)))


def test_images_of_each_depth_are_compared_with_all_that_were_trained_on():
    both = levels_of(fields("8") + fields("12 in 16"))
    assert not level_warnings(both, both)
    [warning] = level_warnings(levels_of(fields("8")), both)
    assert "16 bit, levels up to 409" in warning


def test_one_weak_stain_is_no_depth():
    before = Levels({"red": 0.5, "green": 0.5, "blue": 0.5}, 255, 8)
    assert not level_warnings([before], [Levels({"red": 0.5, "green": 0.01, "blue": 0.5}, 255, 8)])
    assert not level_warnings([], [before])
    assert not level_warnings([Levels({"green": 0.0})], [before])


def test_what_a_checkpoint_keeps_is_read_back_without_the_names_of_images():
    [found] = levels_of(fields("12 in 16"))
    kept = found.as_json()
    assert "i0" not in repr(kept)
    assert Levels.from_json(kept) == Levels(found.bright, found.largest, 16)
    assert Levels.from_json({"bright": {"green": 0.5}}) == Levels({"green": 0.5})
    assert Levels.from_json({"green": 0.5}) is None
    assert Levels.from_json("torn") is None


def test_levels_of_before_there_were_depths_are_compared_by_brightness_alone():
    before = [Levels({"green": 1.0, "blue": 0.5})]
    assert "16 times darker" in level_warnings(before, levels_of(fields("12 in 16")))[0]
    assert not level_warnings(before, levels_of(fields("14 in 16")))


@pytest.mark.parametrize(
    ("largest", "bits", "expected"),
    [(4095, 16, 12), (1023, 16, 10), (16383, 16, 14), (65535, 16, None), (255, 16, None), (200, 8, None)],
)
def test_unused_bits(largest, bits, expected):
    assert unused_bits(largest, bits) == expected
