import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from hpa.core.errors import InputError
from hpa.core.matching import MatchCounts, assign, count_matches, iou_matrix, match_cells, overlaps_of

THRESHOLDS = st.sampled_from([0.1, 0.3, 0.5, 0.6, 0.9])


@st.composite
def map_pairs(draw):
    shape = draw(st.tuples(st.integers(1, 8), st.integers(1, 8)))
    numbers = st.sampled_from([0, 1, 2, 5, 90_000])
    return tuple(draw(arrays.arrays(np.int32, shape, elements=numbers)) for _ in range(2))


def slow_iou(predicted_map, true_map):
    def cells(label_map):
        numbers = sorted(set(label_map.ravel().tolist()) - {0})
        return [set(np.flatnonzero(label_map.ravel() == number).tolist()) for number in numbers]

    return [[len(one & other) / len(one | other) for other in cells(true_map)] for one in cells(predicted_map)]


@given(map_pairs())
def test_iou_of_all_pairs_is_that_of_pixel_sets(maps):
    expected = slow_iou(*maps)
    iou = iou_matrix(*maps)
    assert iou.tolist() == expected or iou.size == 0


@given(arrays.arrays(np.float64, st.tuples(st.integers(0, 4), st.integers(0, 4)), elements=st.floats(0, 1)), THRESHOLDS)
def test_the_assignment_has_as_many_pairs_as_any(iou, threshold):
    predicted, true = assign(iou, threshold)
    assert len(set(predicted)) == len(predicted)
    assert len(set(true)) == len(true)
    assert (iou[predicted, true] >= threshold).all()
    wide = iou if iou.shape[0] <= iou.shape[1] else iou.T
    candidates = [
        [wide[row, column] for row, column in enumerate(columns) if wide[row, column] >= threshold]
        for columns in permutations(range(wide.shape[1]), wide.shape[0])
    ]
    best = max(candidates, key=lambda pairs: (len(pairs), sum(pairs)))
    assert len(predicted) == len(best)
    assert iou[predicted, true].sum() == pytest.approx(sum(best))


def test_greedy_choice_would_lose_a_pair():
    iou = np.array([[0.5, 0.45], [0.4, 0.0]])
    assert count_matches(iou, 0.4).true_positives == 2


def test_scores_of_a_case_worked_out_by_hand():
    true_map = np.array([[1, 1, 0, 2, 2], [1, 1, 0, 2, 2]], np.int32)
    predicted_map = np.array([[4, 4, 0, 6, 0], [4, 0, 9, 0, 0]], np.int32)  # IoU 3/4 and 1/4, 9 is alone
    counts = count_matches(iou_matrix(predicted_map, true_map), 0.75)
    assert counts == MatchCounts(1, 2, 1, 0.75)
    assert counts.average_precision == 1 / 4
    assert counts.precision == 1 / 3
    assert counts.recall == 1 / 2
    assert counts.f1 == pytest.approx(2 / 5)
    assert counts.panoptic_quality == pytest.approx(0.75 / 2.5)
    assert match_cells(predicted_map, true_map, 0.75).tolist() == [1, 0, 0]
    assert match_cells(predicted_map, true_map, 0.25).tolist() == [1, 2, 0]


def test_the_threshold_is_inclusive():
    true_map = np.array([[1, 1, 1, 1, 1]], np.int32)
    assert match_cells(np.array([[1, 1, 1, 0, 0]], np.int32), true_map, 0.6).tolist() == [1]


@pytest.mark.slow
@given(map_pairs(), THRESHOLDS)
def test_a_map_agrees_with_itself_whatever_its_numbers(maps, threshold):
    label_map = maps[0]
    counts = count_matches(iou_matrix(label_map, label_map), threshold)
    if label_map.any():
        assert counts.average_precision == counts.f1 == counts.panoptic_quality == 1
    else:
        assert math.isnan(counts.average_precision)


def test_empty_maps():
    nothing, one = np.zeros((3, 3), np.int32), np.ones((3, 3), np.int32)
    for empty_counts in (count_matches(iou_matrix(nothing, nothing), 0.5), MatchCounts(0, 0, 0, 0.0)):
        scores = (empty_counts.average_precision, empty_counts.precision, empty_counts.recall)
        assert all(map(math.isnan, (*scores, empty_counts.f1, empty_counts.panoptic_quality)))
    for counts in (count_matches(iou_matrix(nothing, one), 0.5), count_matches(iou_matrix(one, nothing), 0.5)):
        assert counts.average_precision == counts.precision == counts.recall == counts.f1 == 0
        assert counts.panoptic_quality == 0
    assert match_cells(nothing, one, 0.5).tolist() == []
    assert match_cells(one, nothing, 0.5).tolist() == [0]


def test_counts_of_images_are_pooled():
    assert MatchCounts(1, 2, 3, 0.5) + MatchCounts(10, 20, 30, 7.0) == MatchCounts(11, 22, 33, 7.5)


def test_maps_of_different_size_are_refused():
    with pytest.raises(InputError, match="Resize the prediction"):
        iou_matrix(np.zeros((2, 3), np.int32), np.zeros((3, 2), np.int32))


def test_maps_of_one_cell_a_pixel_need_no_matrix_of_all_pairs():
    label_map = np.arange(1, 1 + 256**2, dtype=np.int32).reshape(256, -1)  # all pairs: 34 GB
    counts = count_matches(overlaps_of(label_map, label_map), 0.5)
    assert counts == MatchCounts(label_map.size, 0, 0, float(label_map.size))
    np.testing.assert_array_equal(match_cells(label_map, label_map, 0.5), label_map.ravel())


def test_pairs_that_overlap_are_those_of_the_whole_matrix():
    draw = np.random.default_rng(0)
    predicted_map, true_map = (draw.integers(0, 40, (12, 12)).repeat(5, axis=0).repeat(3, axis=1) for _ in range(2))
    overlaps = overlaps_of(predicted_map, true_map)
    np.testing.assert_array_equal(overlaps.toarray(), iou_matrix(predicted_map, true_map))
    assert overlaps.nnz < overlaps.shape[0] * overlaps.shape[1]
    for threshold in (0.05, 0.3, 0.5):
        assert count_matches(overlaps, threshold) == count_matches(iou_matrix(predicted_map, true_map), threshold)
