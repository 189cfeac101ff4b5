import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.metrics import f1_score

from hpa.core.encoding import encode_column_runs, read_column_runs
from hpa.metrics.tissue import ImageDice, TissueScore, dice_of, dice_of_masks

SHAPE = (5, 7)
MASKS = arrays.arrays(np.bool_, SHAPE)


def runs(mask):
    return read_column_runs(encode_column_runs(mask), *mask.shape)


@given(MASKS, MASKS)
def test_dice_is_the_f1_score_of_pixels(predicted, true):
    expected = f1_score(true.ravel(), predicted.ravel(), zero_division=1.0)
    assert dice_of(runs(predicted), runs(true)) == pytest.approx(expected, abs=1e-12)


@given(MASKS, MASKS)
def test_painted_masks_and_runs_give_one_dice(predicted, true):
    assert dice_of_masks(predicted, true) == pytest.approx(dice_of(runs(predicted), runs(true)), abs=1e-12)


def test_the_interval_is_that_of_the_mean():
    """Against the normal approximation, which is good for so many images."""
    values = np.random.default_rng(0).uniform(0.4, 0.9, 400)
    score = TissueScore(tuple(ImageDice(str(n), "lung", float(value)) for n, value in enumerate(values)))
    margin = 1.96 * values.std() / math.sqrt(len(values))
    assert score.interval == pytest.approx((score.dice - margin, score.dice + margin), abs=0.003)


def test_the_interval_of_one_image_is_its_dice_and_of_none_unknown():
    assert TissueScore((ImageDice("a", "lung", 0.3),)).interval == pytest.approx((0.3, 0.3))
    assert all(math.isnan(edge) for edge in TissueScore(()).interval)


@given(MASKS, MASKS)
def test_dice_is_symmetric_in_range_and_1_for_equal_masks_only(one, other):
    dice = dice_of(runs(one), runs(other))
    assert dice == dice_of(runs(other), runs(one))
    assert 0 <= dice <= 1
    assert (dice == 1) == np.array_equal(one, other)


@given(MASKS, MASKS)
def test_a_pixel_found_more_never_lowers_dice(predicted, true):
    missed = np.argwhere(true & ~predicted)
    if len(missed):
        better = predicted.copy()
        better[tuple(missed[0])] = True
        assert dice_of(runs(better), runs(true)) > dice_of(runs(predicted), runs(true))


@given(MASKS, st.integers(0, 34))
def test_a_run_written_in_two_parts_counts_the_same(mask, cut):
    """Touching runs are valid column runs."""
    words = encode_column_runs(mask).split()
    parts = []
    for start, length in zip(map(int, words[::2]), map(int, words[1::2]), strict=True):
        inside = min(max(cut - start, 0), length)
        parts += [(start, inside), (start + inside, length - inside)]
    text = " ".join(f"{start} {length}" for start, length in parts if length)
    whole = np.ones(SHAPE, bool)
    assert dice_of(read_column_runs(text, *SHAPE), runs(whole)) == dice_of(runs(mask), runs(whole))


def test_images_weigh_the_same_in_all_and_in_their_organ():
    images = [ImageDice("a", "lung", 0.5), ImageDice("b", "kidney", 1.0), ImageDice("c", "lung", 0.0)]
    score = TissueScore(tuple(images))
    assert score.dice == 0.5
    assert score.per_organ == {"kidney": 1.0, "lung": 0.25}
    assert list(score.per_organ) == ["kidney", "lung"]
    assert [image.image_id for image in score.organs["lung"]] == ["a", "c"]
    assert math.isnan(TissueScore(()).dice)
    assert TissueScore(()).per_organ == {}
