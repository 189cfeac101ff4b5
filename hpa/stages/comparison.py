"""Whether one recipe is better than another: the difference of the scores of their runs on the same held-out cells.

Images are resampled, all runs on the same draws (paired bootstrap: Efron and Tibshirani 1993), as cells of one image
are not independent. Where runs of a recipe differ in nothing but their seed, those are resampled too, so that the
interval holds the spread between seeds; of single runs it cannot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from hpa.config import build
from hpa.core.errors import InputError
from hpa.inference.cells.held_out import HeldOutCells, read_held_out_cells, require_same_cells
from hpa.metrics.localisation import average_precision_per_class
from hpa.overrides import differing_keys
from hpa.training.run_folder import RunFolder

RESAMPLES = 200
CONFIDENCE = 0.95
_NO_RECIPE = ("seed", "run_dir", "tags", "print_config")
"""Settings by which runs of one recipe may differ."""


@dataclass(frozen=True)
class ClassGain:
    """Average precision of a class: of the baseline, of the runs, and the interval of the difference."""

    index: int
    before: float
    after: float
    low: float
    high: float


@dataclass(frozen=True)
class RunGain:
    """How much higher runs score than their baseline.

    Attributes:
        runs: The runs of one recipe, which differ in their seeds.
        baseline: The other ones.
        name: Of the score.
        score: Mean of the runs.
        mean: The difference on all images.
        low: Lower end of its 95 % interval over images, and over seeds where a recipe has several.
        high: Upper end.
        classes: Average precision class by class, of classes that occur; empty unless it was wanted.
        images: How much lower the loss of each image's cells is, by its ID; likewise.
    """

    runs: tuple[Path, ...]
    baseline: tuple[Path, ...]
    name: str
    score: float
    mean: float
    low: float
    high: float
    classes: tuple[ClassGain, ...] = ()
    images: dict[str, float] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """The answer in words."""
        over = "images and seeds" if len(self.runs) > 1 or len(self.baseline) > 1 else "images"
        values = f"{self.score - self.mean:.4f} → {self.score:.4f}"
        interval = f"{self.name} {values}, {self.mean:+.4f}, 95 % over {over} {self.low:+.4f} to {self.high:+.4f}"
        first, second = name_of(self.runs), name_of(self.baseline)
        if self.low > 0:
            return f"{first} is better than {second}: {interval}."
        if self.high < 0:
            return f"{first} is worse than {second}: {interval}."
        return f"{first} and {second} cannot be distinguished by these {over}: {interval}."


def name_of(runs: Sequence[Path]) -> str:
    """Return how the runs of a recipe are called."""
    return str(runs[0]) if len(runs) == 1 else f"{runs[0]} (and {len(runs) - 1} more seeds)"


def by_recipe(runs: Sequence[Path]) -> list[list[Path]]:
    """Return the runs by recipe, in the order of the first of each: those that differ in nothing but their seed.

    Two runs of one seed are no repetition and stay apart; so do all of them where there is a single recipe.

    Raises:
        InputError: If a folder holds no run.
    """
    groups: list[list[Path]] = []
    seeds: list[set[Any]] = []
    recipes: list[dict[str, Any]] = []
    for run in runs:
        config = RunFolder.open(run).config()
        seed = config.get("seed")
        recipe = {key: value for key, value in config.items() if key not in _NO_RECIPE}
        fitting = [at for at, one in enumerate(recipes) if seed not in seeds[at] and not differing_keys(one, recipe)]
        if fitting:
            groups[fitting[0]].append(run)
            seeds[fitting[0]].add(seed)
        else:
            groups.append([run])
            seeds.append({seed})
            recipes.append(recipe)
    return groups if len(groups) > 1 else [[run] for run in runs]


def compare_runs(baseline: Sequence[Path], runs: Sequence[Path], with_details: bool = False) -> RunGain:
    """Return how much higher the second runs score on the cells that all held out.

    Args:
        baseline: Runs of one recipe.
        runs: Runs of another one.
        with_details: Whether classes and images are compared too.

    Raises:
        InputError: If they did not hold out the same cells, or there are fewer than two images.
    """
    folders = [RunFolder.open(path) for path in (*baseline, *runs)]
    cells = [read_held_out_cells(folder.path) for folder in folders]
    require_same_cells(
        cells, "predict a common test set with each and compare by hpa score A.csv TRUTH --against B.csv"
    )
    images = cells[0].by_image()
    if len(images) < 2:
        raise InputError(f"{baseline[0]}: an interval over images needs two or more, it held out {len(images)}.")
    metric = build(folders[0].config()["metric"])
    name = "cell_map" if cells[0].has_true_cells else "image_map"
    count = len(baseline)

    def score(of: HeldOutCells, chosen: Int64[np.ndarray, " image"]) -> float:
        drawn = _drawn(of, images, chosen)
        return float(metric.scores(*drawn)[name])

    everything = np.arange(len(images))
    random = np.random.default_rng(0)
    draws = random.integers(0, len(images), (RESAMPLES, len(images)))
    picks = [
        (random.integers(0, count, count), count + random.integers(0, len(runs), len(runs))) for _ in range(RESAMPLES)
    ]
    whole = np.array([score(one, everything) for one in cells])
    drawn_scores = np.array([[score(one, draw) for one in cells] for draw in draws])
    low, high = _interval(drawn_scores[..., None], picks)
    gain = RunGain(
        tuple(runs),
        tuple(baseline),
        name,
        float(whole[count:].mean()),
        float(whole[count:].mean() - whole[:count].mean()),
        float(low[0]),
        float(high[0]),
    )
    if not with_details:
        return gain
    return _with_details(gain, cells, images, draws, picks)


_Picks = list[tuple[Int64[np.ndarray, " _baseline"], Int64[np.ndarray, " _other"]]]
"""Of each draw, the runs of the baseline and of the other recipe that it takes."""


def _interval(
    scores: Float64[np.ndarray, "draw run value"], picks: _Picks
) -> tuple[Float64[np.ndarray, " value"], Float64[np.ndarray, " value"]]:
    """Return the ends of the interval of the difference: each draw with its own choice of seeds."""
    differences = [
        drawn[other].mean(axis=0) - drawn[baseline].mean(axis=0)
        for drawn, (baseline, other) in zip(scores, picks, strict=True)
    ]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(differences, [tail, 1 - tail], axis=0)
    return low, high


def _drawn(of: HeldOutCells, images: Sequence[slice], chosen: Int64[np.ndarray, " image"]) -> tuple[Any, ...]:
    """Return probabilities, image of each cell, targets of the images and of the cells, of chosen images."""
    rows = np.concatenate([np.arange(images[image].start, images[image].stop) for image in chosen])
    sizes = [images[image].stop - images[image].start for image in chosen]
    starts = [images[image].start for image in chosen]
    truth = None if of.cell_targets is None else of.cell_targets[rows]
    return of.probabilities[rows], np.repeat(np.arange(len(chosen)), sizes), of.image_targets[starts], truth


def _with_details(
    gain: RunGain,
    cells: Sequence[HeldOutCells],
    images: Sequence[slice],
    draws: Int64[np.ndarray, "draw image"],
    picks: _Picks,
) -> RunGain:
    """Return the gain with that of every class and image."""
    of_cells = cells[0].has_true_cells

    def precision(of: HeldOutCells, chosen: Int64[np.ndarray, " image"]) -> Float64[np.ndarray, " class"]:
        probabilities, image_of_cell, image_targets, truth = _drawn(of, images, chosen)
        if of_cells:
            return average_precision_per_class(probabilities, truth)
        starts = np.flatnonzero(np.diff(image_of_cell, prepend=-1))
        return average_precision_per_class(np.maximum.reduceat(probabilities, starts), image_targets)

    count = len(gain.baseline)
    whole = np.stack([precision(one, np.arange(len(images))) for one in cells])
    known = np.flatnonzero(np.isfinite(whole).all(axis=0))
    low, high = _interval(np.stack([[precision(one, draw)[known] for one in cells] for draw in draws]), picks)
    before, after = whole[:count, known].mean(axis=0), whole[count:, known].mean(axis=0)
    values = zip(known.tolist(), before.tolist(), after.tolist(), low.tolist(), high.tolist(), strict=True)
    classes = [ClassGain(*of_class) for of_class in values]
    losses = np.stack([_losses(one, images) for one in cells])
    lower = losses[:count].mean(axis=0) - losses[count:].mean(axis=0)
    ids = [cells[0].image_ids[image.start] for image in images]
    of_image = {image_id: float(value) for image_id, value in zip(ids, lower, strict=True) if np.isfinite(value)}
    return RunGain(**vars(gain) | {"classes": tuple(classes), "images": of_image})


def _losses(of: HeldOutCells, images: Sequence[slice]) -> Float64[np.ndarray, " image"]:
    """Return the mean cross-entropy of the cells of each image; NaN where no class of them is known."""
    truth = of.cell_targets if of.has_true_cells and of.cell_targets is not None else of.image_targets
    known = np.clip(of.probabilities.astype(np.float64), 1e-6, 1 - 1e-6)
    entropy = -(truth * np.log(known) + (1 - truth) * np.log1p(-known)).mean(axis=1)
    of_image = [entropy[image][np.isfinite(entropy[image])] for image in images]
    return np.array([values.mean() if len(values) else np.nan for values in of_image])
