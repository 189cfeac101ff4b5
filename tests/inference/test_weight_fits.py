import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import optimize
from sklearn.metrics import average_precision_score, log_loss

from hpa.core.errors import InputError
from hpa.inference.fitted_join import LogLossWeights, MeanApWeights

FITS = [LogLossWeights(), MeanApWeights(rounds=20)]
PROBABILITIES = arrays(np.float32, (3, 8, 2), elements=st.floats(0, 1, width=32))
TARGETS = arrays(np.float32, (8, 2), elements=st.sampled_from([0.0, 1.0]))


@pytest.mark.parametrize("fit", FITS)
@given(probabilities=PROBABILITIES, targets=TARGETS)
@settings(max_examples=30)
def test_weights_are_never_negative_and_sum_to_one(fit, probabilities, targets):
    weights = fit.weights(probabilities, targets)
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1)


@pytest.mark.parametrize("fit", FITS)
def test_a_member_that_knows_gets_the_weight(fit):
    rng = np.random.default_rng(0)
    targets = (rng.random((200, 3)) < 0.3).astype(np.float32)
    knows = np.clip(targets * 0.8 + 0.1, 0, 1)
    guesses = rng.random((200, 3)).astype(np.float32)
    weights = fit.weights(np.stack([guesses, knows]), targets)
    assert weights[1] > 0.9


@given(seed=st.integers(0, 1000))
@settings(max_examples=10)
def test_the_loss_is_as_small_as_a_general_optimiser_finds(seed):
    rng = np.random.default_rng(seed)
    targets = (rng.random((60, 1)) < 0.4).astype(np.float32)
    members = np.clip(0.2 + 0.6 * targets + rng.normal(0, 0.3, (3, 60, 1)), 0.02, 0.98).astype(np.float32)

    def loss(weights):
        return log_loss(targets[:, 0], np.tensordot(weights, members.astype(np.float64), 1)[:, 0])

    constraint = {"type": "eq", "fun": lambda weights: weights.sum() - 1}
    expected = optimize.minimize(loss, np.full(3, 1 / 3), bounds=[(0, 1)] * 3, constraints=constraint)
    assert loss(LogLossWeights().weights(members, targets)) <= expected.fun + 1e-4


def test_the_greedy_choice_is_at_least_as_good_as_any_member():
    rng = np.random.default_rng(1)
    targets = (rng.random((300, 1)) < 0.3).astype(np.float32)
    members = (targets + rng.normal(0, [[[0.6]], [[0.8]], [[1.0]]], (3, 300, 1))).astype(np.float32)
    weights = MeanApWeights(rounds=8).weights(members, targets)
    joined = average_precision_score(targets[:, 0], np.tensordot(weights, members, 1)[:, 0])
    assert joined >= max(average_precision_score(targets[:, 0], member[:, 0]) for member in members)


def test_no_round_is_refused():
    with pytest.raises(InputError, match="at least 1"):
        MeanApWeights(rounds=0)
