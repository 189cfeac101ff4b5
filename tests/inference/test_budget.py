import logging
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpa.core.errors import InputError
from hpa.inference.budget import Budget, Fallback, Timekeeper

SECONDS = st.floats(0.01, 100)


class Nobody:
    """A predictor that is never asked."""

    def predict(self, fields):
        raise AssertionError


def fallbacks(count):
    return [Fallback(str(number), Nobody()) for number in range(count)]


class Simulated:
    """A run by a clock of its own: seconds of an image by fallback."""

    def __init__(self, budget, costs, start_s=0.0, blocks=20, groups=2, images=4):
        self.now = start_s
        self.blank = 0
        self.used = []
        total = blocks * groups * images
        keeper = Timekeeper(budget, fallbacks(len(costs)), total, lambda: {"predict": 1.0}, start_s, lambda: self.now)
        for _ in range(blocks):
            name = keeper.fallback().name
            for _ in range(groups):
                if keeper.may_start(images):
                    self.now += images * costs[int(name)]
                    self.used.append(name)
                    keeper.done(images)
                else:
                    self.blank += images
        self.seconds = self.now - start_s


@given(st.lists(SECONDS, min_size=1, max_size=4), st.floats(-1e6, 1e9))
def test_without_a_budget_all_is_treated_as_configured(costs, start_s):
    run = Simulated(Budget(None, 0.0, True), costs, start_s)
    assert run.blank == 0
    assert set(run.used) == {"0"}


@given(st.lists(SECONDS, min_size=1, max_size=4), st.floats(10, 20000))
def test_a_run_that_stops_is_late_by_what_could_not_be_known_only(costs, seconds):
    costs = sorted(costs, reverse=True)
    run = Simulated(Budget(seconds / 3600, 0.0, True), costs)
    assert run.seconds <= seconds + 4 * costs[0]  # the first group is begun before any pace is known
    assert run.used == sorted(run.used)  # never back to a dearer fallback


@given(SECONDS, st.floats(1.001, 10))
def test_where_there_is_time_nothing_is_dropped(cost, ease):
    run = Simulated(Budget(160 * cost * ease / 3600, 0.0, True), [cost, cost / 8])
    assert run.blank == 0
    assert set(run.used) == {"0"}


@given(SECONDS)
def test_a_cheaper_fallback_saves_the_rows_that_time_would_have_left_blank(cost):
    budget = Budget(160 * cost / 2 / 3600, 0.0, True)
    assert Simulated(budget, [cost]).blank > 0
    cheaper = Simulated(budget, [cost, cost / 8])
    assert cheaper.blank == 0
    assert set(cheaper.used) == {"0", "1"}


@given(SECONDS)
def test_fallbacks_are_taken_one_by_one(cost):
    run = Simulated(Budget(160 * cost / 3 / 3600, 0.0, True), [cost, cost * 0.9, cost / 10])
    assert list(dict.fromkeys(run.used)) == ["0", "1", "2"]


@given(SECONDS)
def test_a_run_that_only_warns_treats_every_image(cost):
    run = Simulated(Budget(cost / 3600, 0.0, False), [cost])
    assert run.blank == 0


def test_a_slow_first_group_is_taken_for_a_warm_up():
    """Networks are compiled and files come from a cold disk: the first images say little of the others."""
    now = [0.0]
    keeper = Timekeeper(Budget(1.0, 0.0, True), fallbacks(2), 40, dict, 0.0, lambda: now[0])
    for seconds in (1000.0, 1.0):
        assert keeper.fallback().name == "0"
        assert keeper.may_start(4)
        now[0] += seconds
        keeper.done(4)
    assert keeper.fallback().name == "0"


def test_what_the_rest_takes_is_logged_once_per_fallback_stage_by_stage(caplog):
    with caplog.at_level(logging.INFO):
        Simulated(Budget(160 / 2 / 3600, 0.0, True), [1.0, 0.125])
    told = [record.message for record in caplog.records]
    assert len(told) == 3
    assert "152 images take about 2.5 min more (1 s an image" in told[0]
    assert "predict 0.125" in told[0]
    assert "1.2 min of the budget are left" in told[0]
    assert told[1] == "late: going on 1"
    assert "s an image" in told[2]


def test_the_reserve_is_kept():
    assert Budget(1.0, 0.25, True).left_s(0.0) == 2700
    assert Budget(None, 0.25, True).left_s(1e9) == math.inf


@pytest.mark.parametrize("values", [(0, 0.0), (-1, 0.0), (math.nan, 0.0), (math.inf, 0.0), (1, 1.0), (1, -0.1)])
def test_impossible_budgets_are_refused(values):
    with pytest.raises(InputError, match="budget_"):
        Budget(*values, True)
