"""Corrections by hand as training reads them: which segmentation, and the classes of which of its cells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32

from hpa.cells.stored_cells import StoredCells
from hpa.core.errors import DataError, InputError, Problem
from hpa.core.image_table import ImageTable
from hpa.core.label_map import labels_of
from hpa.corrections.label_maps import CorrectedSegmenter, new_numbers, require_same_cells
from hpa.corrections.table import ImageCorrections, read_corrections
from hpa.interfaces import ImageSource, Segmenter


@runtime_checkable
class TakesCorrections(Protocol):
    """A data set whose cells may have been corrected (`data.corrections=`)."""

    corrections: Path | None


class Corrections:
    """The corrections of a data set.

    Args:
        path: The table.

    Raises:
        InputError: If it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.images: dict[str, ImageCorrections] = read_corrections(path)
        self._found: Segmenter | None = None

    def segmenter(self, segmenter: Segmenter, table: ImageTable) -> Segmenter:
        """Return the segmenter whose cells are merged and deleted as was corrected; itself where none is.

        Raises:
            InputError: If none of the corrected images is in the table.
        """
        if self.images and not set(self.images) & set(table.image_ids):
            first = next(iter(self.images))
            raise InputError(f"{self._path}: none of its images is in {table.where} ({first}, …).")
        if any(image.changes_outlines for image in self.images.values()):
            return CorrectedSegmenter(segmenter, self.images)
        return segmenter

    def targets(self, stored: StoredCells, table: ImageTable) -> Float32[np.ndarray, "cell class"]:
        """Return 0/1 classes of corrected cells, NaN rows elsewhere.

        Raises:
            DataError: Naming every image that was corrected on another segmentation, and every unknown class.
        """
        targets = np.full((len(stored), len(table.class_names)), np.nan, np.float32)
        first_of = np.searchsorted(stored.cells["image"].to_numpy(), np.arange(len(stored.images)))
        problems = []
        for row, image_id in enumerate(table.image_ids):
            if image_id not in self.images:
                continue
            try:
                for cell, classes in self._classes_of(image_id, stored, table.class_names):
                    targets[first_of[row] + cell - 1] = classes
            except InputError as error:
                problems.append(Problem(image_id, str(error)))
        if problems:
            raise DataError(str(self._path), problems)
        return targets

    def _classes_of(
        self, image_id: str, stored: StoredCells, class_names: Sequence[str]
    ) -> list[tuple[int, Float32[np.ndarray, " class"]]]:
        """Return the numbers of corrected cells after all mergers, and their classes."""
        image = self.images[image_id]
        unknown = sorted({name for names in image.classes.values() for name in names} - set(class_names))
        if unknown:
            raise InputError(f"class {unknown[0]} is none of {', '.join(class_names)}.")
        cells = stored.segmentation(image_id).cells
        if image.changes_outlines:  # the segmenter compared them, and numbered the cells anew
            count = max([*image.classes, *image.merged, *image.merged.values(), *image.deleted])
            count = max(count, int(cells.max(initial=0)) + len(image.merged) + len(image.deleted))
            numbers = np.arange(1, count + 1, dtype=np.int32)
        else:
            require_same_cells(image_id, image, cells)
            numbers = labels_of(cells).astype(np.int32)
        new = new_numbers(image, numbers)
        rows = []
        for cell, names in image.classes.items():
            if new[cell]:
                rows.append((int(new[cell]), np.isin(np.array(class_names), names).astype(np.float32)))
        return rows


def corrections_of(source: ImageSource) -> Corrections | None:
    """Return the corrections of a data set, None where it has none."""
    if isinstance(source, TakesCorrections) and source.corrections is not None:
        return Corrections(source.corrections)
    return None
