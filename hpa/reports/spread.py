"""Curves of several runs in one chart, with their mean where there are three or more."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from jaxtyping import Float64

from hpa.reports.charts import Frame, Line, LineChart, dots_of, path_of, span_from_zero, tick_values
from hpa.reports.learning_curves import column

_NAMED_RUNS = 2
"""So many have a colour each, and no mean."""
_MAX_RUNS = 60
"""More lines cannot be distinguished; the mean is of all."""


def spread_charts(histories: Mapping[str, pd.DataFrame], curves: Mapping[str, str]) -> list[LineChart]:
    """Return a chart for each column that any run has values of.

    Args:
        histories: metrics.csv of each run by its name; `epoch` from 1.
        curves: Columns to draw, and their titles.
    """
    charts = [_chart(histories, name, title) for name, title in curves.items()]
    return [chart for chart in charts if chart is not None]


def _chart(histories: Mapping[str, pd.DataFrame], name: str, title: str) -> LineChart | None:
    known = {run: pd.Series(column(table, name), column(table, "epoch")).dropna() for run, table in histories.items()}
    known = {run: values[~values.index.duplicated(keep="last")] for run, values in known.items() if len(values)}
    if not known:
        return None
    every = pd.concat(known.values())
    epochs = every.index.to_numpy(np.float64)
    low, high = float(epochs.min()), float(epochs.max())
    frame = Frame(
        *(460, 250, 46, 14, 14, 40),
        (low, high) if high > low else (low - 1, low + 1),
        span_from_zero(every.to_numpy(np.float64)),
    )
    kinds = ("first", "second") if len(known) <= _NAMED_RUNS else ("thin",)
    lines = [
        Line(
            run,
            kinds[place % len(kinds)],
            path_of(frame, *_points(values)),
            dots_of(frame, *_points(values), "epoch") if len(values) == 1 else (),  # a line of one point is hardly seen
        )
        for place, (run, values) in enumerate(list(known.items())[:_MAX_RUNS])
    ]
    ends = every.groupby(level=0)
    mean, count = ends.mean(), ends.size()
    if len(known) > _NAMED_RUNS:
        # only where most runs are: a mean of the few that went on is another mean
        mean = mean[count >= (len(known) + 1) // 2]
        x, y = _points(mean)
        lines.append(Line("mean", "first", path_of(frame, x, y), dots_of(frame, x, y, "epoch") if len(x) <= 25 else ()))
    last = np.array([values.iloc[-1] for values in known.values()])
    return LineChart(
        title,
        f"{title} of {len(known)} runs; at the end {last.min():.3g} to {last.max():.3g}",
        frame,
        "epoch",
        frame.x_ticks(tick_values(*frame.x_span, 6, whole=True)),
        frame.y_ticks(tick_values(*frame.y_span, 5)),
        tuple(lines),
    )


def _points(
    values: pd.Series[float],
) -> tuple[Float64[np.ndarray, " epoch"], Float64[np.ndarray, " epoch"]]:
    return values.index.to_numpy(np.float64), values.to_numpy(np.float64)
