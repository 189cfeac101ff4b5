"""What corrections gain: cells chosen by the explorer's orders against as many at random, corrected from the truth.

`python -m benchmarks.corrections FOLDER` makes a synthetic data set in FOLDER/data, trains on labels of images,
predicts the cells it trained on, corrects some of them as an expert would in `hpa explore`, trains again from the same
seed, and prints the average precision of the cells of held-out images. What is done is kept: the same command goes on.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Int64

from hpa.corrections.journal import open_journal
from hpa.corrections.table import BETWEEN, CLASSES, Correction, digest_of_cells
from hpa.explorer.orders import disagreement, uncertainty
from hpa.results.found_cells import CellTable
from hpa.results.labels import with_labels
from hpa.results.opening import open_cells
from hpa.sources.cell_truth import CellTruth

ROOT = Path(__file__).resolve().parents[1]
HPA = ("-c", "import sys; from hpa.cli import main; sys.exit(main())")
ORDERS = ("random", "errors", "uncertain")


@dataclass(frozen=True)
class Bench:
    """Where it works, and overrides of every training."""

    folder: Path
    words: tuple[str, ...]

    def score(self, name: str, seed: int, *words: str) -> float:
        """Return the average precision of held-out cells after the last epoch of a training, trained now if missing."""
        run, data = self.folder / f"{name}_{seed}", self.folder / "data"
        if not (run / "out_of_fold.parquet").is_file():
            source = ["data=kaggle_hpa", f"data.root={data}", f"data.cell_truth={data / 'truth_train.csv'}"]
            words = (*source, *self.words, f"seed={seed}", f"run_dir={run}", "report=false", *words)
            self.run(str(ROOT / "train.py"), *words)
        return float(pd.read_csv(run / "metrics.csv")["val_cell_map"].dropna().iloc[-1])

    def corrected(self, order: str, count: int, seed: int) -> Path:
        """Return a table of corrections of some cells that the first training did not hold out."""
        path = self.folder / f"{order}_{count}_{seed}.csv"
        cells = self.folder / f"weak_{seed}.cells.parquet"
        data = self.folder / "data"
        if not cells.is_file():
            out, run = cells.with_name(f"weak_{seed}.csv"), self.folder / f"weak_{seed}"
            source = ["data=kaggle_hpa", f"data.root={data}", "split=train", f"out={out}", "also=[cells,label_maps]"]
            self.run(str(ROOT / "infer.py"), f"ckpt={run}", *source)
        found, images = open_cells(cells, [f"data.root={data}"])
        table, _ = with_labels(found.table(), found.class_names, images.source)
        held_out = set(pd.read_parquet(self.folder / f"weak_{seed}" / "out_of_fold.parquet")["image_id"])
        trained = np.array([image_id not in held_out for image_id in table.image_ids])[table.image]
        truth = CellTruth(data / "truth_train.csv", found.class_names)
        path.unlink(missing_ok=True)
        with open_journal(path, "benchmark") as journal:
            left = count
            for row in _ranked(order, table, seed)[trained[_ranked(order, table, seed)]].tolist():
                image_id, number = table.image_ids[table.image[row]], int(table.number[row])
                label_map = found.label_map(image_id)
                targets = truth.targets_for(label_map, image_id)[number - 1]
                if not np.isfinite(targets).all():  # no true cell lies here
                    continue
                names = BETWEEN.join(found.class_names[index] for index in np.flatnonzero(targets > 0.5))
                journal.add([Correction(image_id, digest_of_cells(label_map), number, CLASSES, names)])
                left -= 1
                if not left:
                    break
        return path

    def run(self, *words: str) -> None:
        """Run a command of the project."""
        subprocess.run([sys.executable, *words], check=True)


def _ranked(order: str, table: CellTable, seed: int) -> Int64[np.ndarray, " cell"]:
    """Return the rows of the table, first first."""
    by = {
        "random": np.random.default_rng(seed).uniform(size=len(table.image)),
        "errors": np.nan_to_num(disagreement(table.confidences, table.targets), nan=-1),
        "uncertain": uncertainty(table.confidences),
    }[order]
    return np.argsort(-by, kind="stable").astype(np.int64)


def main(argv: Sequence[str] | None = None) -> None:
    """Print a table: average precision by order and number of corrections."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--counts", type=int, nargs="+", default=[50, 200])
    parser.add_argument("--orders", nargs="+", choices=ORDERS, default=list(ORDERS))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("--epochs", type=int, default=8)
    arguments = parser.parse_args(argv)
    words = ("model=tiny", "optimizer.learning_rate=4e-3", "crop.side_px=64", f"trainer.max_epochs={arguments.epochs}")
    bench = Bench(arguments.folder, words)
    if not (bench.folder / "data").is_dir():
        size = ("--images", str(arguments.images), "--size", "384", "--seed", "1")
        bench.run(*HPA, "synth", str(bench.folder / "data"), *size)
    for seed in range(arguments.seeds):
        print(f"seed {seed}  weak labels  {bench.score('weak', seed):.3f}", flush=True)
        for count in arguments.counts:
            for order in arguments.orders:
                path = bench.corrected(order, count, seed)
                score = bench.score(f"{order}_{count}", seed, f"data.corrections={path}")
                print(f"seed {seed}  {count:4d} {order:10s} {score:.3f}", flush=True)


if __name__ == "__main__":
    main()
