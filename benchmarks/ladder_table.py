"""Results of the ladder as a table: mAP with its interval over seeds, and how far each rung gets towards the oracle.

The single-cell mAP is that of the competition. The oracle is the same network trained on the true classes of cells: the
share says how far labels of images get towards that. The image as context helps the oracle too, so a rung with it is
compared with the oracle with it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import t

ORACLE = "hpa/oracle"
BASELINE = "hpa/copied_labels"
_CONFIDENCE = 0.95
_HEADER = (
    "| recipe | seeds | mAP | over copied labels | share of the oracle | mAP with image context "
    "| share of the oracle with it | minutes | cells/s |\n|---|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True)
class Result:
    """One rung at one seed.

    Attributes:
        rung: The recipe.
        seed: Of the training.
        mean_ap: Single-cell mAP of the test fields, by the rules of the competition.
        context_mean_ap: The same after fusion=product fusion.image_pool=max fusion.cell_only=[18].
        minutes: Of all trainings of the run, from their metrics.
        cells_per_second: Training cells shown in a second, validation included in the time.
    """

    rung: str
    seed: int
    mean_ap: float
    context_mean_ap: float
    minutes: float
    cells_per_second: float


def table(results: Sequence[Result]) -> str:
    """Return the Markdown table, a row a rung in the order given.

    Shares need the oracle among the results. Differences from copied labels are paired by seed and need its results.
    """
    frame = pd.DataFrame([asdict(result) for result in results])
    oracle = frame.loc[frame["rung"] == ORACLE, ["mean_ap", "context_mean_ap"]].mean()
    baseline = frame[frame["rung"] == BASELINE].set_index("seed")["mean_ap"]
    lines = [_HEADER]
    for rung, rows in frame.groupby("rung", sort=False):
        over = (rows.set_index("seed")["mean_ap"] - baseline).dropna().to_numpy()
        cells = [
            _with_interval(rows["mean_ap"].to_numpy()),
            "" if rung == BASELINE or not len(over) else _with_interval(over, "+.3f"),
            _share(rows["mean_ap"], oracle["mean_ap"]),
            _with_interval(rows["context_mean_ap"].to_numpy()),
            _share(rows["context_mean_ap"], oracle["context_mean_ap"]),
        ]
        minutes, speed = rows["minutes"].mean(), rows["cells_per_second"].mean()
        lines.append(f"| {rung} | {len(rows)} | {' | '.join(cells)} | {minutes:.1f} | {speed:.0f} |")
    return "\n".join(lines)


def run_name(rung: str, seed: int) -> str:
    """Return the name of a run in the folder of its ladder."""
    return f"{rung.replace('/', '_')}_{seed}"


def effort_of(run: Path) -> tuple[float, float]:
    """Return minutes and training cells a second, over all trainings of a run or a chain."""
    seconds, cells = 0.0, 0
    for images in run.rglob("images.parquet"):
        epochs = pd.read_csv(images.parent / "metrics.csv")
        seen = pd.read_parquet(images)
        seconds += float(epochs["seconds"].sum())
        cells += int(seen.loc[seen["trained"], "cells"].sum()) * len(epochs)
    return seconds / 60, cells / seconds


def _with_interval(values: np.ndarray, form: str = ".3f") -> str:
    """Return the mean and half the width of its interval over seeds (Student's t); no interval of one seed."""
    if len(values) < 2:
        return f"{values.mean():{form}}"
    spread = t.ppf((1 + _CONFIDENCE) / 2, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values))
    return f"{values.mean():{form}} ± {spread:.3f}"


def _share(values: pd.Series, oracle: float) -> str:
    return "" if math.isnan(oracle) else f"{values.mean() / oracle:.3f}"
