"""Which methods help a tissue network on images from another site: one table for each of two domain shifts.

`python -m benchmarks.tissue_shift FOLDER --world real` trains, predicts and scores every row and split with the public
commands and prints the tables of `experiments/README.md`. Whatever is done is kept in FOLDER: after a kill the same
command goes on, and parts (`--steps`, `--splits`) may be measured one after the other. A split is a seed of the
training and another fifth of the training images held out, on which thresholds are fitted; all have the same test
images.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.tissue_shift_baselines import Baseline, threshold_green
from benchmarks.tissue_shift_steps import Step
from benchmarks.tissue_shift_table import Row, table
from benchmarks.tissue_shift_worlds import World, real_world, synthetic_world
from hpa.core.whole_file import whole_file

ROOT = Path(__file__).resolve().parents[1]
_HPA = ("-c", "import sys; from hpa.cli import main; sys.exit(main())")


def measure(folder: Path, world: World, step: Step, split: int, words: Sequence[str]) -> Mapping[str, Any]:
    """Return the score of a step on a split, from its file or by training, predicting and scoring."""
    place = folder / f"{step.name}_{split}"
    kept = place.with_suffix(".json")
    if not kept.is_file():
        run = _trained(folder, world, step, split, words)
        submission = place.with_suffix(".csv")
        _command("infer.py", f"ckpt={run}", *world.test_words, "split=test", *step.prediction, f"out={submission}")
        _keep(kept, _command(*_HPA, "score-tissue", str(submission), str(world.truth), "--json"))
    return json.loads(kept.read_text(encoding="utf-8"))


def measure_baseline(folder: Path, world: World, baseline: Baseline) -> Mapping[str, Any]:
    """Return the score of a row without a network, from its file or by segmenting and scoring."""
    place = folder / baseline.name
    kept = place.with_suffix(".json")
    if not kept.is_file():
        pictures = world.tests / "images"
        if baseline.segmenter:
            _command(*_HPA, "segment", str(pictures), str(place), "--pixel-um", "1", *baseline.segmenter)
        else:
            threshold_green(pictures, place)
        _keep(kept, _command(*_HPA, "score-tissue", str(place), str(world.tests / "labels"), "--json"))
    return json.loads(kept.read_text(encoding="utf-8"))


def kept_table(folder: Path, world: World, splits: Sequence[int]) -> str:
    """Return the table of what was measured up to now."""
    truth = pd.read_csv(world.truth, dtype=str, usecols=["id", "organ"])
    organ_of = dict(zip(truth["id"], truth["organ"], strict=True))
    rows: dict[str, Row] = {}
    for baseline in world.baselines:
        file = folder / f"{baseline.name}.json"
        found = {split: _per_image(file) for split in splits if file.is_file()}  # nothing is drawn: all splits agree
        rows[baseline.name] = Row(baseline.shown, "", found, organ_of)
    for step in world.steps:
        files = {split: folder / f"{step.name}_{split}.json" for split in splits}
        found = {split: _per_image(file) for split, file in files.items() if file.is_file()}
        rows[step.name] = Row(step.shown, step.against, found, organ_of)
    return table(rows)


def main(words: Sequence[str] | None = None) -> None:
    """Measure what is missing, and print the table after every result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tissue_shift", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="where worlds, runs and results are kept")
    parser.add_argument("--world", choices=("real", "synthetic"), default="real")
    samples = Path(os.environ.get("HPA_SAMPLES", ".")) / "dsb2018"
    parser.add_argument("--samples", type=Path, default=samples, help="of --world real ($HPA_SAMPLES/dsb2018)")
    parser.add_argument("--splits", type=int, nargs="+", default=[0, 1, 2, 3, 4], help="0 to 4")
    parser.add_argument("--steps", nargs="+", help="names of rows (all)")
    parser.add_argument("--words", nargs="*", default=[], help="overrides of train.py for every row")
    given = parser.parse_args(words)
    folder = given.folder.resolve() / given.world  # commands run in the project's folder
    data = folder / "data"
    world = real_world(data, given.samples) if given.world == "real" else synthetic_world(data)
    for baseline in world.baselines:
        measure_baseline(folder, world, baseline)
    for split in given.splits:
        for step in world.steps:
            if given.steps is None or step.name in given.steps:
                measure(folder, world, step, split, given.words)
                print(kept_table(folder, world, given.splits), flush=True)


def _trained(folder: Path, world: World, step: Step, split: int, words: Sequence[str]) -> Path:
    """Return the run of a step on a split, trained to its end."""
    run = folder / f"{step.run}_{split}_run"
    if (run / "held_out.csv").is_file():
        return run
    if (run / "config.yaml").is_file():
        _command("train.py", f"resume={run}")
        return run
    training = next(other.training for other in world.steps if other.name == step.run)
    drawn = (f"seed={split}", f"folds.held_out={split}", f"run_dir={run}", "report=false")
    _command("train.py", *world.train_words, *training, *drawn, *words)
    return run


def _keep(path: Path, text: str) -> None:
    with whole_file(path) as file:
        file.write(text.encode())


def _per_image(file: Path) -> Mapping[str, float]:
    return json.loads(file.read_text(encoding="utf-8"))["per_image"]


def _command(*words: str) -> str:
    """Run a command of the project and return what it printed; its own message explains a failure."""
    done = subprocess.run([sys.executable, *words], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout


if __name__ == "__main__":
    main()
