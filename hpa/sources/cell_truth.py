"""Classes of single cells from a truth table, handed to whatever cells a segmenter found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int, Int32

from hpa.core.encoding import decode_label_map
from hpa.core.errors import DataError, InputError, Problem
from hpa.core.label_map import labels_of
from hpa.core.matching import match_cells
from hpa.core.submission import TrueCells, parse_truth
from hpa.core.submission_table import TRUTH_COLUMN, TableRow, read_table

MATCH_IOU = 0.6
"""IoU from which the competition takes a found cell for a true one (Le et al., Nature Methods 19:1221, 2022)."""


class CellTruth:
    """The true cells of images, read from a table `ID,ImageWidth,ImageHeight,TruthString`.

    A true cell shows exactly the classes that are listed with its mask; its mask stands once for each of them.

    Args:
        path: The table.
        class_names: Name of each class, in order.

    Raises:
        InputError: If the file cannot be read.
        DataError: Naming every row that is malformed or has a class that does not exist.
    """

    def __init__(self, path: Path, class_names: tuple[str, ...]) -> None:
        self.path = path
        self.class_names = class_names
        self._rows: dict[str, TableRow] = {}
        problems = []
        for row in read_table(path, TRUTH_COLUMN):
            try:
                self._check(parse_truth(row.text))
            except InputError as error:
                problems.append(Problem(row.image_id, str(error)))
            self._rows[row.image_id] = row
        if problems:
            raise DataError(str(path), problems)

    @property
    def image_ids(self) -> list[str]:
        """List the images that have truth, in the order of the table."""
        return list(self._rows)

    def row_of(self, image_id: str) -> TableRow | None:
        """Return the true masks and classes of an image as they stand in the table, None where it has none."""
        return self._rows.get(image_id)

    def targets_for(
        self, cells: Int[np.ndarray, "height width"], image_id: str, iou: float = MATCH_IOU
    ) -> Float32[np.ndarray, "cell class"]:
        """Return 0/1 classes of the cells of a label map, ascending by number.

        Rows are NaN for cells that no true cell matches, and for all cells of an image without truth.

        Args:
            cells: Label map, 0 background.
            image_id: Whose truth to look at.
            iou: Least IoU of a match, inclusive.

        Raises:
            InputError: If the truth of this image has another size, does not decode, or its masks overlap.
        """
        targets = np.full((len(labels_of(cells)), len(self.class_names)), np.nan, np.float32)
        row = self._rows.get(image_id)
        if row is None or not row.text or not len(targets):
            return targets
        true_map, true_targets = self._true_cells(row)
        if true_map.shape != cells.shape:
            raise InputError(
                f"{self.path}: {image_id} is {row.width}×{row.height} px there, its label map "
                f"{cells.shape[1]}×{cells.shape[0]} px; give the truth of these very images."
            )
        partner = match_cells(cells, true_map, iou)  # number of the true cell, 0 for none
        targets[partner > 0] = true_targets[partner[partner > 0] - 1]
        return targets

    def _true_cells(
        self, row: TableRow
    ) -> tuple[Int32[np.ndarray, "height width"], Float32[np.ndarray, "true_cell class"]]:
        """Return the label map of the true cells, numbered from 1 in the order of the text, and their classes."""
        entries = parse_truth(row.text)
        number_of = {mask: number for number, mask in enumerate(dict.fromkeys(entries.masks), start=1)}
        targets = np.zeros((len(number_of), len(self.class_names)), np.float32)
        targets[[number_of[mask] - 1 for mask in entries.masks], entries.classes] = 1
        try:
            label_map = decode_label_map({number: mask for mask, number in number_of.items()}, row.height, row.width)
        except InputError as error:
            raise InputError(f"{self.path}: {row.image_id}: {error}") from error
        return label_map, targets

    def _check(self, entries: TrueCells) -> None:
        unknown = sorted({int(value) for value in entries.classes if not 0 <= value < len(self.class_names)})
        if unknown:
            named = ", ".join(map(str, unknown))
            raise InputError(f"class {named} is unknown; the classes are 0 to {len(self.class_names) - 1}.")
