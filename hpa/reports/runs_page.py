"""The page of several runs: is one better than another, what a sweep found, how the folds of a chain spread."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hpa.reports.charts import LineChart
from hpa.reports.page import render, write_page
from hpa.reports.parallel import ParallelChart
from hpa.reports.spread import spread_charts


@dataclass(frozen=True)
class Interval:
    """A difference with its interval; `note` stands beside it, e.g. both values."""

    name: str
    mean: float
    low: float
    high: float
    note: str = ""


@dataclass(frozen=True)
class RunsFacts:
    """What stands on the page; empty parts are left out.

    Attributes:
        title: Heading.
        command: Command line that made the page.
        answers: Sentences that stand first.
        gains: Differences of runs from the baseline.
        classes: Heading and the differences class by class, of each comparison.
        images: Heading and table of the images that gained or lost most, of each comparison.
        table: One row a run; texts and numbers.
        table_title: Heading of the table.
        links: Address of the page of each row, "" where there is none; as many as rows.
        importance: Share of the variance that each word explains, by word.
        parallel: Jobs in parallel coordinates.
        histories: metrics.csv of each run by its name.
        curves: Columns of the histories to draw, and their titles.
    """

    title: str
    command: str
    answers: Sequence[str] = ()
    gains: Sequence[Interval] = ()
    classes: Sequence[tuple[str, Sequence[Interval]]] = ()
    images: Sequence[tuple[str, pd.DataFrame]] = ()
    table: pd.DataFrame = field(default_factory=pd.DataFrame)
    table_title: str = "Runs"
    links: Sequence[str] = ()
    importance: Mapping[str, float] = field(default_factory=dict)
    parallel: ParallelChart | None = None
    histories: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    curves: Mapping[str, str] = field(default_factory=dict)


def write_runs_page(path: Path, facts: RunsFacts) -> None:
    """Write the page, whole or not at all."""
    write_page(path, render_runs_page(facts))


def render_runs_page(facts: RunsFacts) -> str:
    """Return the HTML of the page; every name and text in it is escaped."""
    charts: list[LineChart] = spread_charts(facts.histories, facts.curves)
    return render(
        "runs_page.html.jinja",
        facts=facts,
        gains=_placed(facts.gains),
        classes=[(heading, _placed(gains)) for heading, gains in facts.classes],
        columns=[str(name) for name in facts.table.columns],
        rows=_texts(facts.table),
        images=[(heading, list(table.columns), _texts(table)) for heading, table in facts.images],
        importance=sorted(facts.importance.items(), key=lambda pair: -pair[1]),
        charts=charts,
    )


def _placed(gains: Sequence[Interval]) -> list[dict[str, Any]]:
    """Return each interval with where it is drawn, in percent of an axis that all share and that holds zero."""
    ends = [value for gain in gains for value in (gain.low, gain.high, gain.mean, 0.0) if math.isfinite(value)]
    low, high = min(ends, default=0.0), max(ends, default=0.0)
    span = (high - low) or 1.0

    def place(value: float) -> float:
        return round(100 * (value - low) / span, 2)

    return [
        vars(gain)
        | {
            "left": place(gain.low) if math.isfinite(gain.low) else place(gain.mean),
            "right": place(gain.high) if math.isfinite(gain.high) else place(gain.mean),
            "dot": place(gain.mean),
            "zero": place(0.0),
            "is_clear": gain.low > 0 or gain.high < 0,
        }
        for gain in gains
    ]


def _texts(table: pd.DataFrame) -> list[list[str]]:
    return [[_text(value) for value in row] for row in table.itertuples(index=False, name=None)]


def _text(value: object) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, float | np.floating):
        return f"{value:.4g}"
    return str(value)
