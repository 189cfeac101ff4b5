"""A run's predictions of the cells it held out, with their targets: what weights and calibrations are fitted to.

They lie in the run's folder (`out_of_fold.parquet`), so that nothing else is needed where predictions are made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float32, Int64

from hpa.core.errors import InputError
from hpa.core.whole_file import whole_file
from hpa.formats.parquet_table import CHECKSUMS, read_parquet
from hpa.models.saved_run import SavedRun

Rows = Float32[np.ndarray, "row class"]
FILE = "out_of_fold.parquet"
_KEYS = ["image_id", "cell"]


@dataclass(frozen=True)
class HeldOutCells:
    """Cells that a network did not train on, in the order of image and number.

    Attributes:
        path: The file, for messages.
        image_ids: Image of each cell.
        cells: Number of each cell in its label map.
        probabilities: Of the network.
        image_targets: Labels of each cell's image.
        cell_targets: Classes of each cell, NaN rows where they are not known; None where no cell has any.
    """

    path: Path
    image_ids: tuple[str, ...]
    cells: Int64[np.ndarray, " cell"]
    probabilities: Float32[np.ndarray, "cell class"]
    image_targets: Float32[np.ndarray, "cell class"]
    cell_targets: Float32[np.ndarray, "cell class"] | None

    def scored_rows(self) -> tuple[Rows, Rows]:
        """Return rows of probabilities, and their targets.

        Where classes of cells are known, a row is such a cell. Otherwise a row is an image, with the largest
        probability of its cells: only the most confident cell surely shows what the image is labelled with.
        """
        known = self._known()
        if self.cell_targets is not None and known.any():
            return self.probabilities[known], self.cell_targets[known]
        starts = self._first_of_image()
        return np.maximum.reduceat(self.probabilities, starts), self.image_targets[starts]

    @property
    def has_true_cells(self) -> bool:
        """Return whether classes of any cell are known."""
        return bool(self._known().any())

    def by_image(self) -> list[slice]:
        """Return where each image's cells stand."""
        edges = [*self._first_of_image().tolist(), len(self.cells)]
        return [slice(start, stop) for start, stop in pairwise(edges)]

    def with_probabilities(self, probabilities: Float32[np.ndarray, "cell class"]) -> HeldOutCells:
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
class FitsHeldOut(Protocol):
    """A part of inference that may be fitted to held-out predictions first: a join, an average of views, a rule."""

    @property
    def needs_held_out(self) -> bool:
        """Return whether, with its settings, it needs them."""

    def fit(self, held_out: Sequence[HeldOutCells]) -> None:
        """Fit to the held-out predictions of what it wraps or follows, one entry a network."""


def write_held_out_cells(
    run: Path,
    cells: pd.DataFrame,
    probabilities: Rows,
    image_targets: Rows,
    cell_targets: Rows | None,
) -> None:
    """Write the predictions of a run's held-out cells with their targets: whoever fits to them needs no data set.

    Args:
        run: The run folder.
        cells: One row a cell: `image_id`, `cell` (its number in the label map), `fold`.
        probabilities: Of the network.
        image_targets: Labels of each cell's image.
        cell_targets: Classes of each cell, NaN rows where they are not known; None where no cell has any.
    """
    parts = {"p": probabilities, "image_target": image_targets, "cell_target": cell_targets}
    columns = [
        pd.DataFrame(values, columns=[f"{name}_{index}" for index in range(values.shape[1])])
        for name, values in parts.items()
        if values is not None
    ]
    with whole_file(run / FILE) as file:
        pd.concat([cells, *columns], axis=1).to_parquet(file, index=False, **CHECKSUMS)


def fitted(part: Any, held_out: Callable[[], Sequence[HeldOutCells]]) -> Any:
    """Return the part, fitted to held-out predictions if it needs them; else none are read."""
    if isinstance(part, FitsHeldOut) and part.needs_held_out:
        part.fit(held_out())
    return part


def held_out_of(run: SavedRun) -> HeldOutCells:
    """Return the predictions of a run's best weights of the cells it held out.

    Raises:
        InputError: If the checkpoint does not lie in its run folder as the best one, or the predictions are missing.
    """
    folder = run.path.parent.parent
    if run.path.name != "best.ckpt" or not (folder / "config.yaml").is_file():
        raise InputError(
            f"{run.path}: held-out predictions belong to the best checkpoint in its run folder; give ckpt=RUN, or "
            "choose parts that need none: ensemble=mean, tta.average=probabilities, no calibration among the rules."
        )
    return read_held_out_cells(folder)


def read_held_out_cells(run: Path) -> HeldOutCells:
    """Read the held-out predictions of a run folder.

    Raises:
        InputError: If they are missing, cannot be read, hold no cell, or lack the targets of the cells.
    """
    path = run / FILE
    if not path.is_file():
        raise InputError(
            f"{path}: predictions of held-out cells are needed and missing; name the folder of a finished run, "
            "or in infer.py choose parts that need none: ensemble=mean|geometric, tta.average=probabilities|logits, no "
            "calibration among the rules."
        )
    try:
        table = read_parquet(path, "held-out predictions", "finish the run again.")
        table = table.assign(image_id=table["image_id"].astype(str), cell=table["cell"].astype(np.int64))
        table = table.sort_values(_KEYS, ignore_index=True)
        class_count = sum(column.startswith("p_") for column in table.columns)
        probabilities, image_targets, cell_targets = (
            _columns(table, name, class_count) for name in ("p", "image_target", "cell_target")
        )
    except InputError:  # a ValueError too
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: cannot be read as held-out predictions ({error}); finish the run again.") from error
    if probabilities is None or image_targets is None or table.empty:
        raise InputError(
            f"{path}: expected cells with columns p_0…, image_target_0…; came {len(table)} cells with "
            f"{', '.join(table.columns[:4])}…; train the run again with this version."
        )
    for name, values in (("p", probabilities), ("image_target", image_targets), ("cell_target", cell_targets)):
        if values is None:
            continue
        wrong = ~((values >= 0) & (values <= 1) | (np.isnan(values) & (name != "p")))
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            raise InputError(
                f"{path}: {name}_{column} of {table['image_id'][row]} is {values[row, column]:g}, 0 to 1 is expected; "
                "the training diverged, or the file was changed: finish the run again."
            )
    image_ids = tuple(table["image_id"])
    return HeldOutCells(path, image_ids, table["cell"].to_numpy(), probabilities, image_targets, cell_targets)


def require_same_cells(held_out: Sequence[HeldOutCells], instead: str = "choose ensemble=mean") -> None:
    """Refuse runs that did not hold out the same cells: their predictions could not be compared.

    Args:
        held_out: Of each run.
        instead: What to do with runs that cannot be trained again.

    Raises:
        InputError: Naming the first member that differs from the first one.
    """
    first = held_out[0]
    for other in held_out[1:]:
        if first.image_ids == other.image_ids and np.array_equal(first.cells, other.cells):
            continue
        shared = set(first.image_ids) & set(other.image_ids)
        raise InputError(
            f"{first.path} and {other.path} must hold the same cells; they share {len(shared)} of "
            f"{len(set(first.image_ids))} and {len(set(other.image_ids))} images. Train all of them with the same "
            f"data, segmenter and folds (folds.count, folds.held_out, folds.seed), or {instead}."
        )


def _columns(table: pd.DataFrame, name: str, class_count: int) -> Rows | None:
    names = [f"{name}_{index}" for index in range(class_count)]
    if not class_count or any(column not in table.columns for column in names):
        return None
    return table[names].to_numpy(np.float32)
