"""The ladder of weak supervision: every rung on the same synthetic world, several seeds, one table.

`python -m benchmarks.ladder FOLDER` trains, predicts and scores each rung and seed with the public commands and prints
the table of `experiments/README.md`. Whatever is done is kept in FOLDER: after a kill the same command goes on. The
single-cell mAP is that of the competition; its share of the oracle says how far labels of images get a network towards
what it would learn from labels of cells.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import t

from hpa.core.whole_file import whole_file

ROOT = Path(__file__).resolve().parents[1]
HPA = ("-c", "import sys; from hpa.cli import main; sys.exit(main())")
ORACLE = "hpa/oracle"
RUNGS: tuple[str, ...] = (
    "hpa/copied_labels",
    "hpa/system_000",
    "hpa/attention_bag",
    "hpa/mean_bag",
    "hpa/dual_bag",
    "hpa/consistency",
    "hpa/winner_loss",
    "hpa/pseudo_label",
    "hpa/rounds",
    ORACLE,
)
_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Result:
    """One rung at one seed.

    Attributes:
        rung: The recipe.
        seed: Of the training.
        mean_ap: Single-cell mAP of the test fields, by the rules of the competition.
        minutes: Of all trainings of the run, as their metrics tell.
        cells_per_second: Training cells shown in a second, validation included in the time.
    """

    rung: str
    seed: int
    mean_ap: float
    minutes: float
    cells_per_second: float


def climb(folder: Path, rung: str, seed: int, words: Sequence[str]) -> Result:
    """Return the result of a rung at a seed, from its file or by training, predicting and scoring."""
    place = folder / f"{rung.replace('/', '_')}_{seed}"
    kept = place.with_suffix(".json")
    if kept.is_file():
        return Result(**json.loads(kept.read_text(encoding="utf-8")))
    data, run, submission = folder / "data", place, place.with_suffix(".csv")
    recipe = [f"experiments={rung}", "size=small", f"data.root={data}", f"data.cell_truth={data / 'truth_train.csv'}"]
    begun = (run / "config.yaml").is_file()
    _command("train.py", *([f"resume={run}"] if begun else [*recipe, f"seed={seed}", f"run_dir={run}", *words]))
    _command("infer.py", f"ckpt={run}", "split=test", f"out={submission}")
    score = json.loads(_command(*HPA, "score", str(submission), str(data / "truth_test.csv"), "--json"))
    minutes, cells_per_second = _effort(run)
    result = Result(rung, seed, score["map"], minutes, cells_per_second)
    with whole_file(kept) as file:
        file.write(json.dumps(asdict(result)).encode())
    return result


def table(results: Sequence[Result]) -> str:
    """Return the Markdown table, a row a rung in the order given; the share needs the oracle among them."""
    frame = pd.DataFrame([asdict(result) for result in results])
    oracle = frame.loc[frame["rung"] == ORACLE, "mean_ap"].mean()
    lines = ["| recipe | seeds | mAP | share of the oracle | minutes | cells/s |", "|---|---|---|---|---|---|"]
    for rung, rows in frame.groupby("rung", sort=False):
        mean_ap = rows["mean_ap"].to_numpy()
        share = mean_ap.mean() / oracle
        lines.append(
            f"| {rung} | {len(rows)} | {mean_ap.mean():.3f}{_interval(mean_ap)} | "
            f"{'' if math.isnan(share) else f'{share:.3f}'} | {rows['minutes'].mean():.1f} | "
            f"{rows['cells_per_second'].mean():.0f} |"
        )
    return "\n".join(lines)


def main(words: Sequence[str] | None = None) -> None:
    """Climb, and print the table after every result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ladder", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="where the world, the runs and their results are kept")
    parser.add_argument("--rungs", nargs="+", default=RUNGS, help="recipes, in the order of the table")
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0")
    parser.add_argument("--train-images", type=int, default=150)
    parser.add_argument("--test-images", type=int, default=400, help="of fewer, differences are noise")
    parser.add_argument("--size-px", type=int, default=512)
    parser.add_argument("--words", nargs="*", default=["model=tiny"], help="overrides of train.py for every rung")
    given = parser.parse_args(words)
    folder = given.folder.resolve()  # commands run in the project's folder
    data = folder / "data"
    if not (data / "truth_test.csv").is_file():
        count = str(given.train_images + given.test_images)
        sizes = ["--images", count, "--test-images", str(given.test_images), "--size", str(given.size_px)]
        _command(*HPA, "synth", str(data), *sizes, "--seed", "1")
    results: list[Result] = []
    for rung in given.rungs:
        for seed in range(given.seeds):
            results.append(climb(folder, rung, seed, given.words))
            print(table(results), flush=True)


def _interval(values: np.ndarray) -> str:
    """Return half the width of the interval of the mean over seeds (Student's t); nothing of one seed."""
    if len(values) < 2:
        return ""
    spread = values.std(ddof=1) / math.sqrt(len(values))
    return f" ± {t.ppf((1 + _CONFIDENCE) / 2, len(values) - 1) * spread:.3f}"


def _effort(run: Path) -> tuple[float, float]:
    """Return minutes and training cells a second, over all trainings of a run or a chain."""
    seconds, cells = 0.0, 0
    for images in run.rglob("images.parquet"):
        epochs = pd.read_csv(images.parent / "metrics.csv")
        seen = pd.read_parquet(images)
        seconds += float(epochs["seconds"].sum())
        cells += int(seen.loc[seen["trained"], "cells"].sum()) * len(epochs)
    return seconds / 60, cells / seconds


def _command(*words: str) -> str:
    """Run a command of the project and return what it printed; its own words tell what went wrong."""
    done = subprocess.run([sys.executable, *words], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout


if __name__ == "__main__":
    main()
