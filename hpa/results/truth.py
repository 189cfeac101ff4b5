"""The ground truth of images, from any of the files that hold one: truth.csv, COCO, or label maps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int32, Int64

from hpa.core.encoding import decode_mask
from hpa.core.errors import InputError
from hpa.core.submission import parse_truth
from hpa.core.submission_table import TableRow
from hpa.results.coco import CocoCells
from hpa.results.found_cells import FoundCells, Mask
from hpa.results.images import Images
from hpa.results.label_maps import LabelMapCells
from hpa.results.submission import on_top_of_each_other
from hpa.sources.cell_truth import MATCH_IOU, CellTruth


@dataclass(frozen=True)
class TrueImage:
    """The true cells of an image.

    Attributes:
        masks: One a cell.
        targets: 0/1 classes of each, in the order of the classes of the predictions.
    """

    masks: list[Mask]
    targets: Float32[np.ndarray, "true_cell class"]

    def targets_of(self, masks: Iterable[Mask]) -> Float32[np.ndarray, "cell class"]:
        """Return the classes of predicted cells by the true cell that each matches; NaN rows where none does.

        One by one: masks of a submission may overlap.

        Raises:
            InputError: If masks are of another size than the true ones.
        """
        rows = []
        true_map = on_top_of_each_other(self.masks, self.masks[0].shape) if self.masks else None
        areas = None if true_map is None else np.bincount(true_map.ravel())
        for mask in masks:
            if true_map is not None and mask.shape != true_map.shape:
                raise InputError(f"the ground truth has {true_map.shape} px, the masks {mask.shape} px.")
            partner = 0 if true_map is None or areas is None else _partner(true_map[mask], areas)
            rows.append(self.targets[partner - 1] if partner else np.full(self.targets.shape[1], np.nan, np.float32))
        return np.array(rows, np.float32).reshape(len(rows), self.targets.shape[1])


def _partner(covered: Int32[np.ndarray, " pixel"], areas: Int64[np.ndarray, " number"]) -> int:
    """Return the number of the true cell that a mask matches, 0 for none; of the pixels under the mask alone.

    Args:
        covered: Number of the true cell in each pixel of the mask.
        areas: Pixels of each true cell, by number.
    """
    numbers, shared = np.unique(covered[covered > 0], return_counts=True)
    iou = shared / (areas[numbers] + len(covered) - shared)
    best = int(iou.argmax()) if len(iou) else -1
    return int(numbers[best]) if best >= 0 and iou[best] >= MATCH_IOU else 0


class Truth:
    """Ground truth by image.

    Args:
        path: `truth.csv`, a COCO file, or a folder of label maps with classes.csv.
        class_names: Classes of the predictions.
        images: The images, which label maps and COCO files are read with.

    Raises:
        InputError: If it cannot be read, or names a class that the predictions do not have.
    """

    def __init__(self, path: Path, class_names: Sequence[str], images: Images) -> None:
        self._class_names = tuple(class_names)
        self._rows: CellTruth | None = None
        if path.is_dir() or path.suffix.lower() == ".json":
            self._found: FoundCells = LabelMapCells(path, images) if path.is_dir() else CocoCells(path, images)
            unknown = sorted(set(self._found.class_names) - set(class_names))
            if unknown:
                raise InputError(
                    f"{path}: class {unknown[0]} is none of the predictions; these have {', '.join(class_names)}."
                )
            self._table = self._found.table()
        else:
            self._rows = CellTruth(path, self._class_names)

    def of(self, image_id: str) -> TrueImage | None:
        """Return the true cells of an image, None where it has no ground truth.

        Raises:
            InputError: If they are damaged.
        """
        if self._rows is not None:
            row = self._rows.row_of(image_id)
            return None if row is None else self._of_row(row)
        if image_id not in self._table.image_ids:
            return None
        known = self._table.confidences[self._table.rows_of(self._table.image_ids.index(image_id))]
        targets = np.zeros((len(known), len(self._class_names)), np.float32)
        places = [self._class_names.index(name) for name in self._found.class_names]
        targets[:, places] = np.nan_to_num(known) > 0
        return TrueImage(list(self._found.masks(image_id)), targets)

    def _of_row(self, row: TableRow) -> TrueImage:
        entries = parse_truth(row.text)
        number_of = {text: number for number, text in enumerate(dict.fromkeys(entries.masks))}
        targets = np.zeros((len(number_of), len(self._class_names)), np.float32)
        targets[[number_of[text] for text in entries.masks], entries.classes] = 1
        return TrueImage([decode_mask(text, row.height, row.width) for text in number_of], targets)
