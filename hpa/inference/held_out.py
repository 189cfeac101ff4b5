"""What a run said of its held-out cells, and what is true of them: that from which weights and calibrations are learnt.

It lies in the run's folder (`out_of_fold.parquet`), so that nothing else is needed where predictions are made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float32, Int64

from hpa.core.errors import InputError

Rows = Float32[np.ndarray, "row class"]
_KEYS = ["image_id", "cell"]


@dataclass(frozen=True)
class HeldOut:
    """Cells that a network did not train on, in the order of image and number.

    Attributes:
        path: The file, for messages.
        image_ids: Image of each cell.
        cells: Number of each cell in its label map.
        probabilities: What the network said.
        image_targets: Labels of each cell's image.
        cell_targets: Classes of each cell, NaN rows where they are not known; None where no cell has any.
    """

    path: Path
    image_ids: tuple[str, ...]
    cells: Int64[np.ndarray, " cell"]
    probabilities: Float32[np.ndarray, "cell class"]
    image_targets: Float32[np.ndarray, "cell class"]
    cell_targets: Float32[np.ndarray, "cell class"] | None

    def judged(self) -> tuple[Rows, Rows]:
        """Return rows of probabilities, and what is true of them.

        Where classes of cells are known, a row is such a cell. Otherwise a row is an image, with the largest
        probability of its cells: of the surest cell alone it can be said that it shows what the image is labelled with.
        """
        known = self._known()
        if self.cell_targets is not None and known.any():
            return self.probabilities[known], self.cell_targets[known]
        starts = self._first_of_image()
        return np.maximum.reduceat(self.probabilities, starts), self.image_targets[starts]

    @property
    def has_true_cells(self) -> bool:
        """Tell whether classes of any cell are known."""
        return bool(self._known().any())

    def by_image(self) -> list[slice]:
        """Return where each image's cells stand."""
        edges = [*self._first_of_image().tolist(), len(self.cells)]
        return [slice(start, stop) for start, stop in pairwise(edges)]

    def with_probabilities(self, probabilities: Float32[np.ndarray, "cell class"]) -> HeldOut:
        """Return the same cells with other probabilities."""
        return replace(self, probabilities=probabilities)

    def _known(self) -> Bool[np.ndarray, " cell"]:
        if self.cell_targets is None:
            return np.zeros(len(self.cells), bool)
        return ~np.isnan(self.cell_targets).any(axis=1)

    def _first_of_image(self) -> Int64[np.ndarray, " image"]:
        ids = np.array(self.image_ids)
        return np.flatnonzero(np.concatenate([[True], ids[1:] != ids[:-1]]))


@runtime_checkable
class LearnsFromHeldOut(Protocol):
    """A part of inference that needs held-out predictions before it is asked: an ensemble, a view average, a rule."""

    @property
    def needs_held_out(self) -> bool:
        """Tell whether, with its settings, it needs them."""

    def learn(self, held_out: Sequence[HeldOut]) -> None:
        """Take what it needs from the held-out predictions of what it wraps or follows, one entry a network."""


def read_held_out(run: Path) -> HeldOut:
    """Read the held-out predictions of a run folder.

    Raises:
        InputError: If they are missing, cannot be read, hold no cell, or do not say what is true of the cells.
    """
    path = run / "out_of_fold.parquet"
    if not path.is_file():
        raise InputError(
            f"{path}: predictions of held-out cells are needed and missing; give ckpt= the folder of a finished run, "
            "or choose parts that learn nothing: ensemble=mean|geometric, tta.average=probabilities|logits, no "
            "calibration among the rules."
        )
    try:
        table = pd.read_parquet(path)
        table = table.assign(image_id=table["image_id"].astype(str), cell=table["cell"].astype(np.int64))
        table = table.sort_values(_KEYS, ignore_index=True)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: cannot be read as held-out predictions ({error}); finish the run again.") from error
    class_count = sum(column.startswith("p_") for column in table.columns)
    probabilities, image_targets, cell_targets = (
        _columns(table, name, class_count) for name in ("p", "image_target", "cell_target")
    )
    if probabilities is None or image_targets is None or table.empty:
        raise InputError(
            f"{path}: expected cells with columns p_0…, image_target_0…; came {len(table)} cells with "
            f"{', '.join(table.columns[:4])}…; train the run again with this version."
        )
    image_ids = tuple(table["image_id"])
    return HeldOut(path, image_ids, table["cell"].to_numpy(), probabilities, image_targets, cell_targets)


def require_same_cells(held_out: Sequence[HeldOut]) -> None:
    """Refuse members that did not hold out the same cells: what they say could not be compared.

    Raises:
        InputError: Naming the first member that differs from the first one.
    """
    first = held_out[0]
    for other in held_out[1:]:
        if first.image_ids == other.image_ids and np.array_equal(first.cells, other.cells):
            continue
        shared = set(first.image_ids) & set(other.image_ids)
        raise InputError(
            f"{other.path} and {first.path} must hold the same cells; they share {len(shared)} of "
            f"{len(set(first.image_ids))} and {len(set(other.image_ids))} images. Train all members with the same "
            "data, segmenter and folds (folds.count, folds.held_out, folds.seed), or choose ensemble=mean."
        )


def _columns(table: pd.DataFrame, name: str, class_count: int) -> Rows | None:
    names = [f"{name}_{index}" for index in range(class_count)]
    if not class_count or any(column not in table.columns for column in names):
        return None
    return table[names].to_numpy(np.float32)
