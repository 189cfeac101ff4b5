import numpy as np
import pytest
from sklearn.metrics import f1_score

from hpa.reports.calibration import best_threshold, class_calibrations, reliability_of


def test_confidences_that_are_probabilities_have_no_error_and_overconfident_ones_their_distance():
    confidences = np.repeat([0.2, 0.8], 10)
    positive = np.concatenate([np.arange(10) < 2, np.arange(10) < 8])
    assert reliability_of(confidences, positive).error == pytest.approx(0)
    assert reliability_of(np.ones(10), np.arange(10) < 4).error == pytest.approx(0.6)
    assert reliability_of(confidences, positive).cells.tolist() == [10, 10]


def test_no_other_threshold_has_a_higher_f1():
    random = np.random.default_rng(0)
    positive = random.random(60) < 0.3
    confidences = np.round(np.clip(0.4 * positive + 0.6 * random.random(60), 0, 1), 2)
    threshold, f1 = best_threshold(confidences, positive)
    assert f1 == pytest.approx(f1_score(positive, confidences >= threshold))
    assert f1 == pytest.approx(max(f1_score(positive, confidences >= other) for other in np.unique(confidences)))


def test_classes_without_positive_cells_have_no_threshold(facts, facts_without_cells):
    assert [one.name for one in class_calibrations(facts)] == ["Nucleoplasm", "Golgi apparatus", "Negative"]
    assert class_calibrations(facts_without_cells) == []
