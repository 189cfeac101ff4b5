"""Both calibrations against what is known of them and against other people's code."""

import numpy as np
import pytest
from scipy import special
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from hpa.inference.rules.platt import PlattRule
from hpa.inference.rules.temperature import TemperatureRule
from tests.inference.fixed_members import FIELD, held_out_of

KINDS = [PlattRule, TemperatureRule]


def overconfident(count=4000, slope=3.0, offset=0.0):
    """Return what is predicted of cells, their classes, and how probable these were."""
    rng = np.random.default_rng(0)
    true_logits = rng.normal(-0.5, 1.2, (count, 1))
    true = special.expit(true_logits)
    targets = (rng.random((count, 1)) < true).astype(np.float32)
    return special.expit(slope * true_logits + offset).astype(np.float32), targets, true


def calibrated(kind, predicted, targets):
    rule = kind()
    rule.fit([held_out_of(predicted, targets)])
    return rule


@pytest.mark.parametrize("kind", KINDS)
def test_overconfidence_is_taken_back(kind):
    predicted, targets, true = overconfident()
    found = calibrated(kind, predicted, targets)(FIELD, predicted)
    assert np.abs(found - true).mean() < 0.03 < np.abs(predicted - true).mean()
    assert log_loss(targets[:, 0], found[:, 0]) < log_loss(targets[:, 0], predicted[:, 0])


def test_platt_finds_the_line_of_logistic_regression():
    predicted, targets, _ = overconfident(offset=-1.0)
    reference = LogisticRegression(C=1e6).fit(special.logit(predicted.astype(np.float64)), targets[:, 0])
    expected = reference.predict_proba(special.logit(predicted.astype(np.float64)))[:, 1]
    np.testing.assert_allclose(calibrated(PlattRule, predicted, targets)(FIELD, predicted)[:, 0], expected, atol=2e-3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("always", [0.0, 1.0])
def test_a_class_without_both_answers_stays_as_it_is(kind, always):
    predicted = np.linspace(0.01, 0.99, 20, dtype=np.float32)[:, None]
    found = calibrated(kind, predicted, np.full_like(predicted, always))(FIELD, predicted)
    np.testing.assert_allclose(found, predicted, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_class_that_was_fitted_upside_down_is_not_reversed(kind):
    predicted, targets, _ = overconfident(500)
    ordered = np.sort(predicted, axis=0)
    found = calibrated(kind, predicted, 1 - targets)(FIELD, ordered)
    assert (np.diff(found[:, 0]) >= 0).all()
