from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpa.reports.charts import MAX_POINTS, Frame, dots_of, path_of, span_from_zero, tick_values

FRAME = Frame(200, 100, 30, 10, 10, 20, (0.0, 10.0), (0.0, 1.0))
NUMBER = st.floats(-1e6, 1e6)


@given(NUMBER, st.floats(1e-3, 1e6), st.integers(2, 8))
def test_ticks_lie_within_the_axis_and_are_evenly_spaced(low, length, max_count):
    high = low + length
    ticks = tick_values(low, high, max_count)
    assert 1 <= len(ticks) <= max_count + 1
    assert low - 1e-6 * length <= ticks[0]
    assert ticks[-1] <= high + 1e-6 * length
    if len(ticks) > 2:
        steps = np.diff(ticks)
        assert steps.max() - steps.min() <= 1e-6 * max(abs(low), length)


def test_ticks_of_epochs_are_whole():
    assert tick_values(0.0, 2.0, 6, whole=True) == [0, 1, 2]


def test_the_span_holds_zero_and_the_finite_values():
    low, high = span_from_zero(np.array([0.2, np.nan, 0.7, np.inf]))
    assert low == 0
    assert 0.7 < high < 0.8
    assert span_from_zero(np.array([np.nan])) == (0.0, 1.0)
    assert span_from_zero(np.array([-1.0, 1.0]))[0] == -1


def test_corners_of_the_data_are_corners_of_the_frame():
    assert (FRAME.x(0.0), FRAME.x(10.0)) == (30, 190)
    assert (FRAME.y(0.0), FRAME.y(1.0)) == (80, 10)


def test_ticks_stand_at_their_values():
    assert FRAME.x_ticks([0.0, 2.5]) == ((30.0, "0"), (70.0, "2.5"))
    assert FRAME.y_ticks([0.5]) == ((45.0, "0.5"),)


def test_the_pen_is_lifted_where_a_value_is_missing():
    path = path_of(FRAME, np.arange(5.0), np.array([0.0, 1.0, np.nan, 0.5, np.inf]))
    assert path == "M30,80h0L46,10M78,45h0"


@pytest.mark.parametrize("count", [0, 1, 2, MAX_POINTS, 10_000])
def test_a_path_keeps_both_ends_and_no_more_points_than_can_be_seen(count):
    x = np.linspace(0, 10, count)
    points = re.findall(r"[ML]([\d.]+),([\d.]+)", path_of(FRAME, x, x / 10))
    assert len(points) == min(count, MAX_POINTS)
    if count > 1:
        assert points[0] == ("30", "80")
        assert points[-1] == ("190", "10")


def test_a_dot_stands_at_every_finite_point_and_shows_its_value():
    dots = dots_of(FRAME, np.array([0.0, 5.0, 10.0]), np.array([0.0, np.nan, 1.0]), "epoch")
    assert [(dot.x, dot.y, dot.text) for dot in dots] == [(30, 80, "epoch 0: 0"), (190, 10, "epoch 10: 1")]
