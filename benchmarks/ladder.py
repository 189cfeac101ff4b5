"""The ladder of weak supervision: every rung on the same synthetic world or composed fields, several seeds, one table.

`python -m benchmarks.ladder FOLDER` trains, predicts and scores each rung and seed with the public commands, and keeps
the table in FOLDER/ladder.md, written anew after every result. Whatever is done is kept in FOLDER: after a kill the
same command goes on. Two runs go side by side, one thread each; cells are found and cut once for all of them.

Real cells: `hpa compose CELLS FOLDER/data` beforehand; nothing is drawn then, and cells are those of its label maps.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.ladder_context import with_image_context
from benchmarks.ladder_paired import Kept, paired_tables
from benchmarks.ladder_table import ORACLE, Result, effort_of, run_name, table
from hpa.core.errors import InputError
from hpa.core.file_lock import held
from hpa.core.whole_file import whole_file

ROOT = Path(__file__).resolve().parents[1]
HPA = ("-c", "import sys; from hpa.cli import main; sys.exit(main())")
RUNGS: tuple[str, ...] = (
    "hpa/copied_labels",
    "hpa/resnet50_focal",
    "hpa/winner_loss",
    "hpa/whole_image",
    "hpa/attention_bag",
    "hpa/mean_bag",
    "hpa/dual_bag",
    "hpa/latent_classes",
    "hpa/consistency",
    "hpa/pseudo_label",
    "hpa/rounds",
    "hpa/label_noise",
    "hpa/best",
    ORACLE,
)
WORDS = ("model=tiny", "optimizer.learning_rate=4e-3", "trainer.precision=bf16-mixed")
"""The smallest network learns fastest at four times the usual rate; half precision takes three quarters of the time."""


@dataclass(frozen=True)
class Climb:
    """How a folder is climbed.

    Attributes:
        folder: Where the world, the cells, the runs and their results are kept.
        epochs: Of every training of every rung: equal budgets, but for rungs that train several networks.
        words: Overrides of train.py for every rung.
    """

    folder: Path
    epochs: int
    words: tuple[str, ...]

    def result(self, rung: str, seed: int) -> Result:
        """Return the result of a rung at a seed, from its file or by training, predicting and scoring."""
        run = self.folder / run_name(rung, seed)
        kept = run.with_suffix(".json")
        if kept.is_file():
            return Result(**json.loads(kept.read_text(encoding="utf-8")))
        begun = (run / "config.yaml").is_file()
        self.command("train.py", *([f"resume={run}"] if begun else self._recipe(rung, seed, run)))
        alone, fused = run.with_suffix(".csv"), run.with_suffix(".context.csv")
        label_maps = self.data / "label_maps" / "test" if self.composed else self.folder / "test_cells"
        cells = ("segmenter=stored", f"segmenter.folder={label_maps}")
        self.command("infer.py", f"ckpt={run}", "split=test", f"out={alone}", "workers=1", *cells)
        with_image_context(alone, fused)
        minutes, cells_per_second = effort_of(run)
        result = Result(rung, seed, self._score(alone), self._score(fused), minutes, cells_per_second)
        with whole_file(kept) as file:
            file.write(json.dumps(asdict(result)).encode())
        return result

    @property
    def data(self) -> Path:
        """The data set."""
        return self.folder / "data"

    @property
    def composed(self) -> bool:
        """Whether `hpa compose` made the data set."""
        return (self.data / "cells.csv").is_file()

    def paired(self, results: Sequence[Result]) -> str:
        """Return what rungs gain over copied labels, from the submissions that are left of their results."""
        kept = [Kept(one.rung, one.seed, self.folder / run_name(one.rung, one.seed)) for one in results]
        kept = [one for one in kept if one.submission.is_file()]
        return paired_tables(self.data, kept) if kept else ""

    def prepare(self, train_images: int, test_images: int, size_px: int) -> None:
        """Draw the world and find the cells of its test fields, unless that is done."""
        data, cells = self.data, self.folder / "test_cells"
        if self.composed:
            return
        if not (data / "truth_test.csv").is_file():
            sizes = ["--images", str(train_images + test_images), "--test-images", str(test_images)]
            self.command(*HPA, "synth", str(data), *sizes, "--size", str(size_px), "--seed", "1")
        self.command(*HPA, "segment", str(data / "test"), str(cells))  # what lies there already is kept

    def command(self, *words: str) -> str:
        """Run a command of the project on one thread; return what it printed; its own message explains a failure."""
        alone = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, *words],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | alone,
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)} ended with {done.returncode}; its words stand above.")
        return done.stdout

    def _recipe(self, rung: str, seed: int, run: Path) -> list[str]:
        data = self.data
        return [
            f"experiments={rung}",
            "size=small",
            f"data.root={data}",
            f"data.cell_truth={data / 'truth_train.csv'}",
            f"store.folder={self.folder / 'cells'}",
            f"trainer.max_epochs={self.epochs}",
            "trainer.accelerator=cpu",
            "loading.workers=0",
            "report=false",
            f"seed={seed}",
            f"run_dir={run}",
            *(self._composed_cells() if self.composed else ()),
            *self.words,
        ]

    def _composed_cells(self) -> tuple[str, ...]:
        channels = json.loads((self.data / "world.json").read_text(encoding="utf-8"))["settings"]["channels"]
        return (
            f"data.channels=[{','.join(channels)}]",
            "segmenter=stored",
            f"segmenter.folder={self.data / 'label_maps' / 'train'}",
        )

    def _score(self, submission: Path) -> float:
        truth = self.data / "truth_test.csv"
        return json.loads(self.command(*HPA, "score", str(submission), str(truth), "--json"))["map"]


def climb(ladder: Climb, rungs: Sequence[str], seeds: int, side_by_side: int) -> list[Result]:
    """Return all results, in the order of the rungs.

    Every rung is tried at one seed before any at the next, the last rungs first: the oracle, which shares need, and the
    longest ones, so that neither core waits long at the end.
    """
    results: list[Result] = []
    with ThreadPoolExecutor(side_by_side) as executor:
        waiting = [executor.submit(ladder.result, rung, seed) for seed in range(seeds) for rung in reversed(rungs)]
        try:
            for done in as_completed(waiting):
                results = sorted([*results, done.result()], key=lambda one: (rungs.index(one.rung), one.seed))
                written = "\n\n".join(filter(None, [table(results), ladder.paired(results)]))
                with whole_file(ladder.folder / "ladder.md") as file:
                    file.write(f"{written}\n".encode())
                print(written, flush=True)
        finally:
            executor.shutdown(wait=False, cancel_futures=True)
    return results


def main(words: Sequence[str] | None = None) -> None:
    """Climb, and write the table after every result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ladder", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="where the world, the runs and their results are kept")
    parser.add_argument("--rungs", nargs="+", default=RUNGS, help="recipes, in the order of the table")
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0")
    parser.add_argument(
        "--epochs", type=int, default=24, help="of every training; fewer are too few for small patterns"
    )
    parser.add_argument("--side-by-side", type=int, default=2, help="runs at once, one thread each")
    parser.add_argument("--train-images", type=int, default=1200)
    parser.add_argument("--test-images", type=int, default=400, help="of fewer, differences are noise")
    parser.add_argument("--size-px", type=int, default=512)
    parser.add_argument("--words", nargs="*", default=WORDS, help="overrides of train.py for every rung")
    given = parser.parse_args(words)
    folder = given.folder.resolve()  # commands run in the project's folder
    folder.mkdir(parents=True, exist_ok=True)
    # a command that outlives a killed climb holds its run or its output itself, so that no second one writes there
    try:
        with held(folder / "lock", "climbs here", "wait until it ends, or choose another folder."):
            ladder = Climb(folder, given.epochs, tuple(given.words))
            ladder.prepare(given.train_images, given.test_images, given.size_px)
            climb(ladder, given.rungs, given.seeds, given.side_by_side)
    except InputError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
