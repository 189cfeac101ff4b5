from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hpa.core.errors import InputError
from hpa.inference.fitted_join import FittedJoin, LogLossWeights, MeanApWeights
from tests.inference.fixed_members import FIELD, FixedMember, ensemble_of, held_out_of

FITS = [LogLossWeights(), MeanApWeights(rounds=20)]


def members_and_cells(seed):
    """Return a member that knows class 0 and one that knows class 1, with their predictions of 100 cells."""
    rng = np.random.default_rng(seed)
    targets = (rng.random((100, 2)) < 0.4).astype(np.float32)
    predicted = rng.random((2, 100, 2)).astype(np.float32)
    for member in (0, 1):
        predicted[member, :, member] = 0.1 + 0.8 * targets[:, member]
    members = [FixedMember(np.float32([[0.9, 0.9]])), FixedMember(np.float32([[0.1, 0.1]]))]
    return members, [held_out_of(rows, targets, f"run{index}") for index, rows in enumerate(predicted)]


def fitted(members, cells, fit, per_class):
    join = FittedJoin(len(members), fit, per_class)
    join.fit(cells)
    return ensemble_of(members, join)


@pytest.mark.parametrize("fit", FITS)
def test_each_class_follows_the_member_that_knows_it(fit):
    members, cells = members_and_cells(0)
    ensemble = fitted(members, cells, fit, per_class=True)
    first, second = ensemble.predict([FIELD])[0].probabilities[0].tolist()
    assert first > 0.8
    assert second < 0.2


@pytest.mark.parametrize("fit", FITS)
@given(seed=st.integers(0, 50), per_class=st.booleans())
@settings(max_examples=10)
def test_predictions_lie_between_the_members(fit, seed, per_class):
    members, cells = members_and_cells(seed)
    ensemble = fitted(members, cells, fit, per_class)
    found = ensemble.predict([FIELD])[0].probabilities
    assert ((found >= 0.1 - 1e-6) & (found <= 0.9 + 1e-6)).all()


@pytest.mark.parametrize("fit", FITS)
def test_the_order_of_members_does_not_matter(fit):
    members, cells = members_and_cells(3)
    found = []
    for order in (slice(None), slice(None, None, -1)):
        ensemble = fitted(members[order], cells[order], fit, per_class=False)
        found.append(ensemble.predict([FIELD])[0].probabilities)
    torch.testing.assert_close(found[0], found[1], atol=1e-5, rtol=0)


def test_a_class_that_no_cell_shows_takes_the_weights_of_all():
    members, cells = members_and_cells(0)
    blank = [held_out_of(cell.probabilities, np.float32([1, 0]) * cell.cell_targets) for cell in cells]
    ensemble = fitted(members, blank, LogLossWeights(), per_class=True)
    both = fitted(members, blank, LogLossWeights(), per_class=False)
    assert ensemble.predict([FIELD])[0].probabilities[0, 1] == both.predict([FIELD])[0].probabilities[0, 1]


def test_weights_are_logged(caplog):
    members, cells = members_and_cells(0)
    with caplog.at_level("INFO"):
        fitted(members, cells, LogLossWeights(), per_class=False)
    assert "weight of run0, from 100 held-out rows" in caplog.text


def test_members_that_held_out_other_cells_are_refused():
    members, cells = members_and_cells(0)
    fewer = held_out_of(cells[1].probabilities[:-1], cells[1].cell_targets[:-1], "other")
    with pytest.raises(InputError, match="must hold the same cells"):
        fitted(members, [cells[0], fewer], LogLossWeights(), per_class=False)


def test_the_loss_is_not_fitted_to_images():
    members, cells = members_and_cells(0)
    blind = [replace(cell, cell_targets=None) for cell in cells]
    fitted(members, blind, MeanApWeights(rounds=5), per_class=False)
    with pytest.raises(InputError, match="ensemble/fit=mean_ap"):
        fitted(members, blind, LogLossWeights(), per_class=False)


def test_no_member_is_refused():
    with pytest.raises(InputError, match="at least one member"):
        FittedJoin(0, LogLossWeights(), per_class=False)
