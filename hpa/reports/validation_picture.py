"""The picture of an epoch: the same held-out cells every time, with truth and prediction."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int, UInt8
from PIL import Image

from hpa.cells.data_module import CellDataModule
from hpa.core.seeding import seed_of
from hpa.metrics.cell_validation import CellValidation
from hpa.reports.cell_grid import grid_of_cells
from hpa.reports.pictures import composite_cells

CELLS = 24


def validation_picture(data: CellDataModule, validation: CellValidation) -> Callable[[Path], None]:
    """Return a function that draws what was just validated into a file."""
    rows = data.rows(validation=True)
    shown = np.sort(np.random.default_rng(seed_of(data.seed, "picture")).permutation(rows)[:CELLS])

    def draw(file: Path) -> None:
        position = {int(row): index for index, row in enumerate(validation.rows)}
        seen = np.array([row for row in shown if int(row) in position], np.int64)
        if len(seen):
            probabilities = validation.probabilities[[position[int(row)] for row in seen]]
            Image.fromarray(_panel(data, seen, probabilities)).save(file)

    return draw


def _panel(
    data: CellDataModule, rows: Int[np.ndarray, " cell"], probabilities: Float32[np.ndarray, "cell class"]
) -> UInt8[np.ndarray, "height width 3"]:
    names = data.source.class_names
    crops = composite_cells(data.stored.crops(rows).pixels, data.crop.channels)
    enlarged = np.repeat(np.repeat(crops, _zoom(crops.shape[1]), axis=1), _zoom(crops.shape[1]), axis=2)
    images = data.stored.cells["image"].to_numpy()[rows]
    targets = data.table.targets()[images] if data.cell_targets is None else data.cell_targets[rows]
    truths = [_words(row, names, 0.5) or "?" for row in np.nan_to_num(targets)]
    guesses = [_top(row, names) for row in probabilities]
    return grid_of_cells(enlarged, truths, guesses)


def _zoom(side_px: int) -> int:
    """Return how often a crop is enlarged so that words fit under it."""
    return max(1, 160 // side_px)


def _words(scores: Float32[np.ndarray, " class"], names: tuple[str, ...], threshold: float) -> str:
    return ", ".join(names[index] for index in np.flatnonzero(scores > threshold))


def _top(scores: Float32[np.ndarray, " class"], names: tuple[str, ...]) -> str:
    best = np.argsort(-scores)[:2]
    return "\n".join(f"{scores[index]:.2f} {names[index]}" for index in best)
