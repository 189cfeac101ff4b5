"""Learning curves: loss and mean average precision over the epochs, and the best epoch.

Epochs are numbered from 1, as in metrics.csv.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from hpa.reports.charts import MAX_DOTS, Frame, Line, LineChart, dots_of, path_of, span_from_zero, tick_values


class Curve(NamedTuple):
    """Column of the history, its name in the page, its style class."""

    column: str
    name: str
    kind: str


LOSS_CURVES = (Curve("train_loss", "training", "second"), Curve("val_loss", "validation", "first"))
MAP_CURVES = (Curve("val_image_map", "images", "second"), Curve("val_cell_map", "single cells", "first"))


def column(history: pd.DataFrame, name: str) -> Float[np.ndarray, " epoch"]:
    """Return a column as floats; whatever is no finite number, or not there at all, becomes NaN."""
    if name not in history:
        return np.full(len(history), np.nan)
    values = pd.to_numeric(history[name], errors="coerce").to_numpy(np.float64, na_value=np.nan)
    return np.where(np.isfinite(values), values, np.nan)


def best_row(history: pd.DataFrame, best_epoch: int | None) -> int | None:
    """Return the row of the best epoch: the given one, else of the highest image mAP, else of the lowest loss."""
    if best_epoch is not None and (history["epoch"] == best_epoch).any():
        return int(np.flatnonzero(history["epoch"] == best_epoch)[0])
    for values in (column(history, "val_image_map"), -column(history, "val_loss")):
        if np.isfinite(values).any():
            return int(np.nanargmax(values))
    return None


def learning_charts(
    history: pd.DataFrame,
    best_epoch: int | None,
    curves: Sequence[Curve] = MAP_CURVES,
    title: str = "Mean average precision",
) -> list[LineChart]:
    """Return the charts of loss and of scores, by default average precision, that have any value."""
    charts = [
        _chart("Loss", "lower is better", history, LOSS_CURVES, best_epoch),
        _chart(title, "validation, higher is better", history, curves, best_epoch),
    ]
    return [chart for chart in charts if chart.lines]


def _chart(
    title: str, remark: str, history: pd.DataFrame, curves: Sequence[Curve], best_epoch: int | None
) -> LineChart:
    epochs = column(history, "epoch")
    known = {curve: column(history, curve.column) for curve in curves}
    known = {curve: values for curve, values in known.items() if np.isfinite(values).any()}
    y_span = span_from_zero(np.concatenate([np.zeros(0), *known.values()]))
    frame = Frame(460, 250, 46, 14, 14, 40, _epoch_span(epochs), y_span)
    row = best_row(history, best_epoch)
    return LineChart(
        title,
        f"{title} ({remark}) over {len(epochs)} epochs: "
        + "; ".join(f"{curve.name} {_ends(values)}" for curve, values in known.items()),
        frame,
        "epoch",
        frame.x_ticks([epoch for epoch in tick_values(*frame.x_span, 6, whole=True) if epoch in epochs]),
        frame.y_ticks(tick_values(*frame.y_span, 5)),
        tuple(_line(frame, curve, epochs, values) for curve, values in known.items()),
        None if row is None or np.isnan(epochs[row]) else (frame.x(float(epochs[row])), f"best, epoch {epochs[row]:g}"),
    )


def _line(frame: Frame, curve: Curve, epochs: Float[np.ndarray, " epoch"], values: Float[np.ndarray, " epoch"]) -> Line:
    dots = dots_of(frame, epochs, values, "epoch") if len(epochs) <= MAX_DOTS else ()
    return Line(curve.name, curve.kind, path_of(frame, epochs, values), dots)


def _epoch_span(epochs: Float[np.ndarray, " epoch"]) -> tuple[float, float]:
    finite = epochs[np.isfinite(epochs)]
    if len(finite) == 0:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    return (low, high) if high > low else (low - 1, low + 1)


def _ends(values: Float[np.ndarray, " epoch"]) -> str:
    finite = values[np.isfinite(values)]
    return f"from {finite[0]:.3g} to {finite[-1]:.3g}"
