"""What the rungs of a ladder gain over copied labels, class by class, with intervals over test images and seeds.

`python -m benchmarks.ladder_paired FOLDER` reads the submissions that `benchmarks.ladder` kept; the ladder itself adds
these tables to FOLDER/ladder.md. Test images are drawn with replacement, the same ones for both sides of a difference;
so are seeds, where there are several (Efron, Bootstrap methods: another look at the jackknife, 1979). The budget of a
rung is the number of times that cells were shown to all of its networks; scores on the way are those of held-out cells.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float64

from benchmarks.ladder_table import BASELINE, ORACLE, run_name
from benchmarks.paired_score import DRAWS, evidence_in, precisions_of_draws
from hpa.app.estimated_rates import FILE_NAME as ESTIMATED
from hpa.core.classes import LOCATION_NAMES
from hpa.formats.csv_rows import read_rows
from hpa.simulation.label_rates import FILE_NAME as LABEL_RATES_FILE
from hpa.sources.class_names import FILE_NAME as CLASS_NAMES_FILE
from hpa.sources.class_names import read_class_names

_WAY = (1 / 3, 2 / 3, 1.0)
Draws = Float64[np.ndarray, "draw class"]
"""Average precisions; the first draw is the test set as it is."""


class Kept(NamedTuple):
    """A rung at a seed: its run folder, and the submission beside it."""

    rung: str
    seed: int
    run: Path

    @property
    def submission(self) -> Path:
        """Predictions of the test fields."""
        return self.run.with_suffix(".csv")


def paired_tables(data: Path, kept: Sequence[Kept]) -> str:
    """Return tables of rungs with budget and gain, of classes with every gain, and of true and estimated rates.

    Args:
        data: The data set of the ladder.
        kept: Results in the order of the rungs; those of copied labels are the other side of every difference.
    """
    numbers, draws = _all_draws(data / "truth_test.csv", kept)
    rungs = list(dict.fromkeys(one.rung for one in kept))
    seeds_of = {rung: [one.seed for one in kept if one.rung == rung] for rung in rungs}
    gains = {rung: _gain(draws, rung, seeds_of) for rung in rungs if rung != BASELINE}
    lines = [
        "| recipe | seeds | cells shown | minutes | held-out mAP after a third | two thirds | all epochs | mAP "
        "| over copied labels (95 %) |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for rung in rungs:
        runs = [one.run for one in kept if one.rung == rung]
        score = np.mean([np.nanmean(draws[rung, seed][0]) for seed in seeds_of[rung]])
        gain = gains.get(rung)
        words = "" if gain is None else _with_interval(np.nanmean(gain, axis=1))
        lines.append(f"| {rung} | {len(runs)} | {_budget(runs)} | {score:.3f} | {words} |")
    names = _names(data)
    lines += ["", f"| class | AP of copied labels | {' | '.join(gains)} |", f"|---|---|{'---|' * len(gains)}"]
    for column, number in enumerate(numbers):
        base = [draws[BASELINE, seed][0, column] for seed in seeds_of.get(BASELINE, [])]
        cells = ["" if gain is None else _with_interval(gain[:, column]) for gain in gains.values()]
        lines.append(f"| {names[number]} | {np.mean(base) if base else np.nan:.3f} | {' | '.join(cells)} |")
    return "\n".join(lines + _rate_lines(data, kept))


def _rate_lines(data: Path, kept: Sequence[Kept]) -> list[str]:
    """Return a table of true and estimated shares of wrong labels; nothing where one of them is not known."""
    runs = [one for one in kept if (one.run / ESTIMATED).is_file()]
    if not runs or not (data / LABEL_RATES_FILE).is_file():
        return []
    true = {row["name"]: row for row in read_rows(data / LABEL_RATES_FILE, ["name"]).to_dict("records")}
    found = [
        {row["class"]: row for row in read_rows(one.run / ESTIMATED, ["class"]).to_dict("records")} for one in runs
    ]
    rungs = list(dict.fromkeys(one.rung for one in runs))
    lines = ["", f"| class | missed | {' | '.join(rungs)} | invented | {' | '.join(rungs)} |"]
    lines.append("|---|" + "---|" * (2 + 2 * len(rungs)))
    for name in (name for name, row in true.items() if int(row["images_showing"])):
        cells = []
        for kind in ("false_negative_rate", "false_positive_rate"):
            counted = true[name][f"images_{kind}"]
            cells.append(f"{float(counted):.3f}" if counted else "")
            for rung in rungs:
                estimates = [float(row[name][kind]) for one, row in zip(runs, found, strict=True) if one.rung == rung]
                cells.append(f"{np.mean(estimates):.3f}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _all_draws(truth: Path, kept: Sequence[Kept]) -> tuple[list[int], dict[tuple[str, int], Draws]]:
    draws = {}
    numbers: list[int] = []
    for one in kept:
        images = evidence_in(truth, one.submission)
        count = len(images)
        drawn = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), size=DRAWS)
        copies = np.concatenate([np.ones((1, count), np.int64), drawn])
        found, draws[one.rung, one.seed] = precisions_of_draws(images, copies)
        numbers = found.tolist()
    return numbers, draws


def _gain(draws: Mapping[tuple[str, int], Draws], rung: str, seeds_of: Mapping[str, Sequence[int]]) -> Draws | None:
    """Return what a rung gains over copied labels at the seeds that both have; None without such a seed."""
    seeds = [seed for seed in seeds_of[rung] if seed in seeds_of.get(BASELINE, [])]
    if not seeds:
        return None
    differences = np.stack([draws[rung, seed] - draws[BASELINE, seed] for seed in seeds])
    chosen = np.random.default_rng(1).integers(len(seeds), size=(DRAWS + 1, len(seeds)))
    chosen[0] = np.arange(len(seeds))
    return differences[chosen, np.arange(DRAWS + 1)[:, None]].mean(axis=1)


def _with_interval(values: Float64[np.ndarray, " draw"]) -> str:
    low, high = np.nanpercentile(values[1:], [2.5, 97.5])
    return f"{values[0]:+.3f} ({low:+.3f} to {high:+.3f})"


def _budget(runs: Sequence[Path]) -> str:
    """Return how often cells were shown, minutes, and the held-out mAP of the last network on its way."""
    shown, minutes, way = [], [], []
    for run in runs:
        trainings = [images.parent for images in sorted(run.rglob("images.parquet"))]
        epochs = [pd.read_csv(training / "metrics.csv") for training in trainings]
        seen = [pd.read_parquet(training / "images.parquet") for training in trainings]
        cells = [int(images.loc[images["trained"], "cells"].sum()) for images in seen]
        shown.append(sum(count * len(rows) for count, rows in zip(cells, epochs, strict=True)))
        minutes.append(sum(float(rows["seconds"].sum()) for rows in epochs) / 60)
        scores = epochs[-1].get("val_cell_map", pd.Series(np.nan, epochs[-1].index)).to_numpy()
        way.append([scores[max(0, round(share * len(scores)) - 1)] for share in _WAY])
    on_the_way = " | ".join(f"{value:.3f}" for value in np.mean(way, axis=0))
    return f"{np.mean(shown):.0f} | {np.mean(minutes):.1f} | {on_the_way}"


def _names(data: Path) -> Sequence[str]:
    table = data / CLASS_NAMES_FILE
    return read_class_names(table) if table.is_file() else LOCATION_NAMES


def kept_in(folder: Path) -> list[Kept]:
    """Return the results that a ladder kept, by rung and seed."""
    results = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    rows = [Kept(one["rung"], one["seed"], folder / run_name(one["rung"], one["seed"])) for one in results]
    return sorted(rows, key=lambda one: (one.rung != BASELINE, one.rung == ORACLE, one.rung, one.seed))


def main(folder: str) -> None:
    """Print the tables."""
    print(paired_tables(Path(folder) / "data", kept_in(Path(folder))))


if __name__ == "__main__":
    main(*sys.argv[1:])
