from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import average_precision_score, f1_score, precision_recall_curve

from hpa.core.errors import InputError
from hpa.metrics.localisation import (
    Localisation,
    average_precision,
    average_precision_per_class,
    f1_per_class,
    precision_recall,
)


@st.composite
def scores_and_positives(draw):
    count = draw(st.integers(1, 40))
    # Few distinct scores, so that ties are common.
    scores = draw(arrays(np.float64, count, elements=st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 1.0])))
    positive = draw(arrays(np.bool_, count))
    positive[draw(st.integers(0, count - 1))] = True
    return scores, positive


@given(scores_and_positives())
def test_equals_scikit_learn_ties_and_all(drawn):
    scores, positive = drawn
    assert average_precision(scores, positive) == pytest.approx(average_precision_score(positive, scores))


@given(scores_and_positives(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(drawn, random):
    scores, positive = drawn
    order = list(range(len(scores)))
    random.shuffle(order)
    assert average_precision(scores[order], positive[order]) == pytest.approx(average_precision(scores, positive))


@given(scores_and_positives())
def test_points_equal_those_of_scikit_learn(drawn):
    scores, positive = drawn
    precision, recall = precision_recall(scores, positive)
    reference_precision, reference_recall, _ = precision_recall_curve(positive, scores)
    # scikit-learn goes the other way and ends with the point (recall 0, precision 1).
    np.testing.assert_allclose(precision[::-1], reference_precision[:-1])
    np.testing.assert_allclose(recall[::-1], reference_recall[:-1])


def test_nothing_positive_or_no_rows_say_nothing():
    assert math.isnan(average_precision(np.array([0.5, 0.1]), np.array([False, False])))
    assert math.isnan(average_precision(np.zeros(0), np.zeros(0, bool)))
    precision, recall = precision_recall(np.zeros(0), np.zeros(0, bool))
    assert precision.size == recall.size == 0


def test_classes_are_scored_apart_and_unknown_rows_left_out():
    generator = np.random.default_rng(0)
    probabilities = generator.random((50, 3))
    targets = (generator.random((50, 3)) < 0.4).astype(np.float32)
    targets[:, 2] = 0
    targets[::5] = np.nan
    known = np.arange(50) % 5 != 0
    per_class = average_precision_per_class(probabilities, targets)
    for k in range(2):
        assert per_class[k] == pytest.approx(average_precision_score(targets[known, k], probabilities[known, k]))
    assert math.isnan(per_class[2])


IMAGE_OF_CELL = np.array([0, 0, 2, 2, 2])
PROBABILITIES = np.array([[0.9, 0.1], [0.5, 0.3], [0.2, 0.8], [0.1, 0.2], [0.3, 0.2]])


@pytest.mark.parametrize(
    ("pool", "expected"),
    [("max", [[0.9, 0.3], [0, 0], [0.3, 0.8]]), ("mean", [[0.7, 0.2], [0, 0], [0.2, 0.4]])],
)
def test_images_are_pooled_from_their_cells(pool, expected):
    metric = Localisation(image_pool=pool, threshold=0.5, monitor="image_map")
    np.testing.assert_allclose(metric.image_probabilities(PROBABILITIES, IMAGE_OF_CELL, 3), expected)


def test_scores_of_a_perfect_and_of_an_unlabeled_set():
    metric = Localisation(image_pool="max", threshold=0.5, monitor="image_map")
    image_targets = np.array([[1, 0], [0, 0], [0, 1]], np.float32)
    cell_targets = np.array([[1, 0], [1, 0], [0, 1], [np.nan, np.nan], [0, 0]], np.float32)
    found = metric.scores(PROBABILITIES, IMAGE_OF_CELL, image_targets, cell_targets)
    assert found == {"image_map": 1, "image_f1": 1, "cell_map": 1}
    unlabeled = metric.scores(PROBABILITIES, IMAGE_OF_CELL, np.zeros((3, 2), np.float32), None)
    assert all(math.isnan(value) for value in unlabeled.values())


def test_an_image_in_which_no_cell_was_found_counts_as_missed():
    metric = Localisation(image_pool="max", threshold=0.5, monitor="image_map")
    image_targets = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    scores = metric.scores(PROBABILITIES, IMAGE_OF_CELL, image_targets, None)
    assert scores["image_map"] == pytest.approx((average_precision_score([1, 1, 0], [0.9, 0, 0.3]) + 1) / 2)


@pytest.mark.parametrize(("pool", "monitor"), [("median", "image_map"), ("max", "loss")])
def test_unknown_settings_are_refused(pool, monitor):
    with pytest.raises(InputError, match="choose one of"):
        Localisation(image_pool=pool, threshold=0.5, monitor=monitor)


@given(arrays(np.bool_, (12, 3)), arrays(np.bool_, (12, 3)))
def test_f1_equals_scikit_learn(predicted, positive):
    for score, ours, true in zip(f1_per_class(predicted, positive), predicted.T, positive.T, strict=True):
        if true.any():
            assert score == pytest.approx(f1_score(true, ours))
        else:
            assert math.isnan(score)


@pytest.mark.parametrize("threshold", [0.0, 1.0, -0.5])
def test_thresholds_out_of_range_are_refused(threshold):
    with pytest.raises(InputError, match=r"metric\.threshold"):
        Localisation(image_pool="max", threshold=threshold, monitor="image_map")
