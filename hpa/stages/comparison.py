"""Whether one run is better than another: the difference of their scores on the same held-out cells.

Images are resampled, both runs on the same draws (paired bootstrap: Efron and Tibshirani 1993), as cells of one image
are not independent. The variance between seeds is not in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from hpa.config import build
from hpa.core.errors import InputError
from hpa.inference.cells.held_out import HeldOutCells, read_held_out_cells, require_same_cells
from hpa.training.run_folder import RunFolder

RESAMPLES = 200
CONFIDENCE = 0.95


@dataclass(frozen=True)
class RunGain:
    """How much higher a run scores than its baseline.

    Attributes:
        run: The run.
        baseline: The other one.
        name: Of the score.
        score: Of the run.
        mean: The difference on all images.
        low: Lower end of its 95 % interval over images.
        high: Upper end.
    """

    run: Path
    baseline: Path
    name: str
    score: float
    mean: float
    low: float
    high: float

    @property
    def sentence(self) -> str:
        """The answer in words."""
        interval = f"{self.name} {self.mean:+.4f}, 95 % over images {self.low:+.4f} to {self.high:+.4f}"
        if self.low > 0:
            return f"{self.run} is better than {self.baseline}: {interval}."
        if self.high < 0:
            return f"{self.run} is worse than {self.baseline}: {interval}."
        return f"{self.run} and {self.baseline} cannot be distinguished by these images: {interval}."


def compare_runs(baseline: Path, run: Path) -> RunGain:
    """Return how much higher the second run scores on the cells that both held out.

    Raises:
        InputError: If they did not hold out the same cells, or there are fewer than two images.
    """
    folders = [RunFolder.open(path) for path in (baseline, run)]
    cells = [read_held_out_cells(folder.path) for folder in folders]
    require_same_cells(cells)
    images = cells[0].by_image()
    if len(images) < 2:
        raise InputError(f"{baseline}: an interval over images needs two or more, it held out {len(images)}.")
    metric = build(folders[0].config()["metric"])
    name = "cell_map" if cells[0].has_true_cells else "image_map"

    def score(of: HeldOutCells, chosen: Int64[np.ndarray, " image"]) -> float:
        rows = np.concatenate([np.arange(images[image].start, images[image].stop) for image in chosen])
        sizes = [images[image].stop - images[image].start for image in chosen]
        starts = [images[image].start for image in chosen]
        truth = None if of.cell_targets is None else of.cell_targets[rows]
        numbers = np.repeat(np.arange(len(chosen)), sizes)
        return float(metric.scores(of.probabilities[rows], numbers, of.image_targets[starts], truth)[name])

    everything = np.arange(len(images))
    first, second = (score(one, everything) for one in cells)
    draws = np.random.default_rng(0).integers(0, len(images), (RESAMPLES, len(images)))
    differences = [score(cells[1], draw) - score(cells[0], draw) for draw in draws]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(differences, [tail, 1 - tail])
    return RunGain(run, baseline, name, second, second - first, float(low), float(high))
