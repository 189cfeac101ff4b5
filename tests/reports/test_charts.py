import re

import numpy as np
import pytest

from hpa.reports.axes import Frame
from hpa.reports.charts import MAX_POINTS, dots_of, path_of

FRAME = Frame(200, 100, 30, 10, 10, 20, (0.0, 10.0), (0.0, 1.0))


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


def test_a_dot_stands_at_every_finite_point_and_tells_its_value():
    dots = dots_of(FRAME, np.array([0.0, 5.0, 10.0]), np.array([0.0, np.nan, 1.0]), "epoch")
    assert [(dot.x, dot.y, dot.told) for dot in dots] == [(30, 80, "epoch 0: 0"), (190, 10, "epoch 10: 1")]
