import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from hpa.metrics.segmentation import SCORES, THRESHOLDS, count_image, score_images

MAPS = arrays.arrays(np.int32, (4, 6), elements=st.integers(0, 3))


def slow_counts(predicted, true, threshold):
    """Above IoU 0.5 a cell has one partner at most, so that counting pairs is enough."""
    pairs = 0
    for one in set(predicted.ravel().tolist()) - {0}:
        for other in set(true.ravel().tolist()) - {0}:
            shared = ((predicted == one) & (true == other)).sum()
            pairs += shared / ((predicted == one) | (true == other)).sum() >= threshold
    return pairs


def test_thresholds_are_those_of_coco():
    assert THRESHOLDS == (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


@given(MAPS, MAPS)
def test_counts_are_those_of_a_slow_loop(predicted, true):
    counts = count_image(predicted, true)
    assert counts.predicted == len(set(predicted.ravel().tolist()) - {0})
    assert counts.true == len(set(true.ravel().tolist()) - {0})
    for threshold, at in list(zip(THRESHOLDS, counts.at, strict=True))[1:]:
        found = slow_counts(predicted, true, threshold)
        assert (at.true_positives, at.false_positives) == (found, counts.predicted - found)
        assert at.false_negatives == counts.true - found


@given(st.lists(st.tuples(MAPS, MAPS), min_size=1, max_size=4))
def test_a_higher_threshold_never_finds_more_and_scores_stay_in_range(pairs):
    score = score_images([count_image(predicted, true) for predicted, true in pairs])
    found = [counts.true_positives for counts in score.pooled]
    assert found == sorted(found, reverse=True)
    for name in SCORES:
        assert all(math.isnan(value) or 0 <= value <= 1 + 1e-9 for value in score.mean(name))


def test_pooled_counts_cells_and_the_mean_counts_images():
    one, four = np.zeros((4, 8), np.int32), np.zeros((4, 8), np.int32)
    one[:2, :2] = 1
    four[:, 0], four[:, 2], four[:, 4], four[:, 6] = 1, 2, 3, 4
    score = score_images([count_image(one, one), count_image(np.zeros_like(four), four)])
    assert score.pooled[0].average_precision == 1 / 5
    assert score.mean("ap")[0] == 1 / 2
    assert score.count_error == -4 / 5
    assert score.mean_count_error == 2


def test_images_without_cells_are_left_out():
    nothing, one = np.zeros((3, 3), np.int32), np.ones((3, 3), np.int32)
    score = score_images([count_image(nothing, nothing), count_image(one, one), count_image(one, nothing)])
    assert score.left_out == 1
    assert score.mean("pq") == (0.5,) * 10
    empty = score_images([count_image(nothing, nothing)])
    assert all(map(math.isnan, (*empty.mean("ap"), empty.count_error, empty.mean_count_error)))
    assert empty.pooled[0].true_positives == 0


def test_counts_of_real_cells_agree_with_themselves(samples):
    from hpa.formats.label_maps import read_label_map

    path = min((samples / "dsb2018" / "labels").iterdir())
    truth = read_label_map(path)
    score = score_images([count_image(truth, truth)])
    assert score.mean("ap") == pytest.approx((1.0,) * 10)
