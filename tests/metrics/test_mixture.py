import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hpa.core.errors import InputError
from hpa.metrics.mixture import bootstrap_shares, shares_of, wilson_interval


def shares(counts, designed=None, **changes):
    names = [f"type{place}" for place in range(np.shape(counts)[1])]
    designed = None if designed is None else [float(part) for part in designed]
    settings = {"confidence": 0.95, "resamples": 2000, "seed": 0} | changes
    return shares_of(np.asarray(counts, np.int64), names, designed, **settings)


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.sampled_from([0.8, 0.95]))
def test_wilson_is_scipys(cells, confidence):
    expected = stats.binomtest(*cells).proportion_ci(confidence, method="wilson")
    assert wilson_interval(*cells, confidence) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_shares_are_pooled_over_images():
    first, second = shares([[10, 0], [5, 25]], [50, 50])
    assert (first.count, second.count) == (15, 25)
    assert first.share == 15 / 40
    assert first.designed == second.designed == 0.5
    assert first.bootstrap[0] == pytest.approx(1 - second.bootstrap[1])


def test_images_that_differ_widen_the_interval_and_equal_ones_close_it():
    width = [
        np.subtract(*share.bootstrap[::-1]) for share in (shares([[9, 1], [1, 9]] * 5)[0], shares([[5, 5]] * 10)[0])
    ]
    wilson = np.subtract(*shares([[5, 5]] * 10)[0].wilson[::-1])
    assert width[0] > wilson > width[1] == 0


@pytest.mark.parametrize(("designed", "fits"), [([1, 1], True), ([3, 1], False), (None, None)])
def test_the_designed_mixture_is_judged(designed, fits):
    rng = np.random.default_rng(1)
    first = rng.binomial(80, 0.5, 30)
    assert shares(np.stack([first, 80 - first], axis=1), designed)[0].fits is fits


def test_intervals_hold_what_they_promise():
    rng = np.random.default_rng(2)
    held = 0
    for trial in range(200):
        chance = rng.beta(8, 8, 40)  # islands: images differ more than by chance
        first = rng.binomial(60, chance)
        share = shares(np.stack([first, 60 - first], axis=1), [1, 1], resamples=400, seed=trial)[0]
        held += bool(share.fits)
    assert 0.89 <= held / 200 <= 0.99


def test_one_image_gives_no_interval():
    share = shares([[4, 6]], [1, 1])[0]
    assert math.isnan(share.bootstrap[0])
    assert share.fits is None


def test_draws_without_cells_are_left_out():
    drawn = bootstrap_shares(np.array([[0, 0], [3, 1]]), 500, 0)
    assert len(drawn) < 500
    assert (drawn == [0.75, 0.25]).all()


@pytest.mark.parametrize(
    ("counts", "designed", "changes", "message"),
    [
        ([[0, 0]], None, {}, "no cell"),
        ([[1, 1]], [1], {}, "one part"),
        ([[1, 1]], [0, 0], {}, "one part"),
        ([[1, 1]], [1, -1], {}, "one part"),
        ([[1, 1]], None, {"confidence": 1.0}, "between 0 and 1"),
        ([[1, 1]], None, {"resamples": 0}, "1 to 1,000,000"),
    ],
)
def test_values_out_of_range_are_refused(counts, designed, changes, message):
    with pytest.raises(InputError, match=message):
        shares(counts, designed, **changes)
