import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from hpa.reports.class_scores import class_scores


def test_average_precision_is_that_of_scikit_learn_and_chance_the_share_of_positives(facts):
    for score in class_scores(facts):
        truth = facts.cell_targets[:, score.index]
        assert score.positives == truth.sum()
        if score.positives:
            expected = average_precision_score(truth, facts.probabilities[:, score.index])
            assert score.average_precision == pytest.approx(expected)
            assert score.chance == pytest.approx(truth.mean())


def test_classes_stand_best_first_and_those_without_positives_last(facts):
    scores = class_scores(facts)
    known = [score.average_precision for score in scores if score.average_precision is not None]
    assert known == sorted(known, reverse=True)
    assert scores[-1].name == "Mitotic spindle"
    assert scores[-1].curve is None


def test_without_cell_truth_the_labels_of_the_images_count(facts_with):
    facts = facts_with(cell_targets=None)
    score = next(score for score in class_scores(facts) if score.index == 0)
    assert score.positives == 18  # every image carries class 0
    assert score.average_precision == 1


def test_cells_of_unknown_truth_or_broken_prediction_are_left_out(facts_with, facts):
    truth, probabilities = facts.cell_targets.copy(), facts.probabilities.copy()
    truth[3:9] = np.nan
    probabilities[0, 2] = np.nan
    judged = [1, 2, *range(9, 18)]
    for score in class_scores(facts_with(cell_targets=truth, probabilities=probabilities)):
        assert score.positives == truth[judged, score.index].sum()


def test_the_submission_stands_beside(facts):
    assert {score.index: score.submission_precision for score in class_scores(facts)} == {
        0: 0.125,
        1: None,
        2: None,
        3: None,
    }


def test_a_perfect_ranking_fills_the_square(facts_with, facts):
    scores = class_scores(facts_with(probabilities=facts.cell_targets * np.float32(0.9)))
    curve = scores[0].curve
    frame = curve.frame
    assert scores[0].average_precision == 1
    assert curve.lines[1].path.startswith(f"M{frame.x(0.0):g},{frame.y(1.0):g}h0L")
    assert f"L{frame.x(1.0):g},{frame.y(1.0):g}" in curve.lines[1].path


def test_no_cells_give_no_scores(facts_without_cells):
    assert all(score.average_precision is None for score in class_scores(facts_without_cells))
