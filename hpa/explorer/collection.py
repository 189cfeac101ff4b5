"""The cells that are explored: what is known of each, which are alike, and what was corrected."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, Int64

from hpa.core.errors import InputError
from hpa.corrections.journal import Journal
from hpa.corrections.table import BETWEEN, CLASSES, DELETE, MERGE, Correction
from hpa.explorer.images import KeptImages
from hpa.explorer.orders import disagreement, uncertainty
from hpa.explorer.vectors import Vectors, compressed, nearest_cells, places
from hpa.results.found_cells import CellTable, FoundCells

_PIECE = 16384
SIMILAR = 12


@runtime_checkable
class GivesFeatures(Protocol):
    """Cells with features of a network."""

    feature_count: int

    def features(self) -> Iterator[Float32[np.ndarray, "cell feature"]]:
        """Yield the features of the cells in pieces, in the order of the table."""


@dataclass
class Collection:
    """Cells, and what is computed of them.

    Attributes:
        found: Reads images and outlines.
        table: All cells.
        categories: Values of metadata (cell line, …) by name, one an image.
        journal: Where corrections go; None where nothing may be written.
        map_method: As of `hpa.explorer.vectors.places`.
        uncertainty: Of each cell, 0 to 1.
        disagreement: Of each cell with its label, NaN without one.
    """

    found: FoundCells
    table: CellTable
    categories: Mapping[str, Sequence[str]]
    journal: Journal | None
    map_method: str = "pca"
    uncertainty: Float32[np.ndarray, " cell"] = field(init=False)
    disagreement: Float32[np.ndarray, " cell"] = field(init=False)
    _vectors: Vectors | None = field(init=False, default=None)
    _map: Float32[np.ndarray, "cell 2"] | None = field(init=False, default=None)
    _failure: str = field(init=False, default="")

    def __post_init__(self) -> None:
        """Compute the orders now; vectors and map when they are first wanted."""
        self.uncertainty = uncertainty(self.table.confidences)
        self.disagreement = disagreement(self.table.confidences, self.table.targets)
        self.image = KeptImages(self.found).read
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._computing = threading.Thread(target=self._compute, daemon=True)

    def _start(self) -> None:
        """Compute vectors and map in a thread, once, and not before they are wanted: pictures come first."""
        with self._lock:
            if self._computing.ident is None:
                self._computing.start()

    @property
    def map(self) -> Float32[np.ndarray, "cell 2"] | None:
        """Return the place of each cell on the map, None while it is computed.

        Raises:
            InputError: If it cannot be.
        """
        self._start()
        if self._failure:
            raise InputError(self._failure)
        return self._map

    def similar(self, row: int) -> Int64[np.ndarray, " similar"]:
        """Return the cells that look most like a cell to the network, the nearest first; waits for the features.

        Raises:
            InputError: If the features cannot be read.
        """
        self._start()
        self._ready.wait()
        if self._vectors is None:
            raise InputError(self._failure)
        return nearest_cells(self._vectors, row, SIMILAR)

    def correct(self, rows: Sequence[int], action: str, value: str | Sequence[str]) -> int:
        """Write a correction of cells and return its number.

        Args:
            rows: The cells.
            action: `classes`, `delete` or `merge` (all into the first).
            value: Names of the classes; else not used.

        Raises:
            InputError: If nothing may be written, a class or cell does not exist, or cells to merge are of two images.
        """
        if self.journal is None:
            raise InputError("nothing is written: the explorer was started with --read-only.")
        if not rows or not all(0 <= row < len(self.table.image) for row in rows):
            raise InputError("no cell is selected, or one that does not exist.")
        with self._lock:
            return self.journal.add(self._corrections(list(dict.fromkeys(rows)), action, value))

    def undo(self) -> list[Correction]:
        """Undo the last correction and return it.

        Raises:
            InputError: If nothing may be written.
        """
        if self.journal is None:
            raise InputError("nothing is written: the explorer was started with --read-only.")
        with self._lock:
            return self.journal.undo()

    def require_same_cells(self) -> None:
        """Refuse a journal of another segmentation; of the first images with corrections the outlines are read.

        Raises:
            InputError: If an image has other cells than when it was corrected.
        """
        corrected = {} if self.journal is None else self.journal.images
        for image_id, corrections in corrected.items():
            if image_id in self.table.image_ids and self.image(image_id).digest != corrections.segmentation:
                raise InputError(
                    f"image {image_id} has other cells than those that were corrected: the table of corrections is of "
                    "another segmentation; name another table with --corrections."
                )

    def _corrections(self, rows: Sequence[int], action: str, value: str | Sequence[str]) -> list[Correction]:
        if action == MERGE:
            images = {int(self.table.image[row]) for row in rows}
            if len(rows) < 2 or len(images) > 1:
                raise InputError("two or more cells of one image are merged; select them in their image.")
            into = str(self.table.number[rows[0]])
            return [self._correction(row, MERGE, into) for row in rows[1:]]
        if action == DELETE:
            return [self._correction(row, DELETE, "") for row in rows]
        names = list(value)
        unknown = [name for name in names if name not in self.found.class_names or BETWEEN in name]
        if action != CLASSES or isinstance(value, str) or unknown:
            raise InputError(f"{action} {unknown}: classes, merge or delete with known classes was expected.")
        return [self._correction(row, CLASSES, BETWEEN.join(names)) for row in rows]

    def _correction(self, row: int, action: str, value: str) -> Correction:
        image_id = self.table.image_ids[self.table.image[row]]
        return Correction(image_id, self._digest(image_id), int(self.table.number[row]), action, value)

    def _digest(self, image_id: str) -> str:
        """Return the digest of an image's cells: that of earlier corrections, else of its outlines."""
        earlier = {} if self.journal is None else self.journal.images
        return earlier[image_id].segmentation if image_id in earlier else self.image(image_id).digest

    @property
    def has_places(self) -> bool:
        """Whether cells differ on the map: by features, confidences of classes, or measurements."""
        has_features = isinstance(self.found, GivesFeatures) and bool(self.found.feature_count)
        return has_features or bool(self.found.class_names) or bool(self.table.measurements)

    def _compute(self) -> None:
        try:
            found = self.found
            with_features = isinstance(found, GivesFeatures) and found.feature_count
            pieces = found.features() if isinstance(found, GivesFeatures) and with_features else _stand_ins(self.table)
            self._vectors = compressed(pieces)
            self._ready.set()
            self._map = places(self._vectors, self.map_method)
        except Exception as error:  # shown in the page: the rest of the explorer works without
            self._failure = str(error)
        finally:
            self._ready.set()


def _stand_ins(table: CellTable) -> Iterator[Float32[np.ndarray, "cell feature"]]:
    """Yield logits, and measurements where there is no class, in place of features."""
    for start in range(0, len(table.image), _PIECE):
        known = np.clip(np.nan_to_num(table.confidences[start : start + _PIECE]), 1e-4, 1 - 1e-4)
        if known.shape[1]:
            yield np.log(known / (1 - known)).astype(np.float32)
            continue
        columns = [values[start : start + _PIECE] for values in table.measurements.values()]
        count = min(_PIECE, len(table.image) - start)
        yield np.stack(columns, axis=1) if columns else np.zeros((count, 1), np.float32)


def corrected_rows(collection: Collection) -> dict[int, dict[str, object]]:
    """Return what holds of every corrected cell by its row: `classes`, `merged` (into which row) or `deleted`."""
    state: dict[int, dict[str, object]] = {}
    table = collection.table
    place = {image_id: index for index, image_id in enumerate(table.image_ids)}
    for image_id, image in ({} if collection.journal is None else collection.journal.images).items():
        if image_id not in place:
            continue
        rows = table.rows_of(place[image_id])
        row_of = dict(zip(table.number[rows].tolist(), range(rows.start, rows.stop), strict=True))
        for cell, names in image.classes.items():
            state[row_of.get(cell, -1)] = {"classes": list(names)}
        for cell, into in image.merged.items():
            state[row_of.get(cell, -1)] = {"merged": row_of.get(into, -1)}
        for cell in image.deleted:
            state[row_of.get(cell, -1)] = {"deleted": True}
    return state
