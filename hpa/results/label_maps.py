"""The cells of a folder of label maps, with the classes of its `classes.csv` where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Int32

from hpa.core.errors import InputError, Problem
from hpa.core.field import Field
from hpa.core.label_map import labels_of
from hpa.formats.label_maps import label_map_paths, read_label_map
from hpa.results.found_cells import CellTable, Mask, ReadsImages, masks_of
from hpa.sources.cell_classes import FILE_NAME, CellClasses, read_cell_classes


class LabelMapCells:
    """Cells of label maps, as `hpa segment` writes them, or any program.

    Args:
        folder: The label maps, named as the images are.
        images: The images.

    Raises:
        InputError: If there is no label map, or the table of classes cannot be read.
    """

    def __init__(self, folder: Path, images: ReadsImages) -> None:
        self._folder, self._images = folder, images
        self._paths = label_map_paths(folder)
        if not self._paths:
            raise InputError(f"{folder}: no label map is in this folder; check the path.")
        table = folder / FILE_NAME
        self._classes = read_cell_classes(table) if table.is_file() else CellClasses(table, {}, {})
        self.class_names = tuple(self._classes.names)

    def table(self) -> CellTable:
        """Read the numbers of all cells."""
        found, problems = {}, []
        for image_id in self._paths:
            try:
                found[image_id] = labels_of(self.label_map(image_id)).astype(np.int32)
            except InputError as error:
                problems.append(Problem(image_id, str(error)))
        confidences = [self.confidences(image_id, numbers) for image_id, numbers in found.items()]
        return CellTable(
            tuple(found),
            np.repeat(np.arange(len(found), dtype=np.int32), [len(numbers) for numbers in found.values()]),
            np.concatenate([np.empty(0, np.int32), *found.values()]),
            np.concatenate([np.empty((0, len(self.class_names)), np.float32), *confidences]),
            problems=tuple(problems),
        )

    def read(self, image_id: str) -> Field:
        """Read an image; InputError names the file and the reason."""
        return self._images.read(image_id)

    def masks(self, image_id: str) -> Iterator[Mask]:
        """Return the masks of an image's cells."""
        return masks_of(self.label_map(image_id))

    def label_map(self, image_id: str) -> Int32[np.ndarray, "height width"]:
        """Return the cells of an image; InputError where there is no label map of it, or a damaged one."""
        if image_id not in self._paths:
            raise InputError(f"{self._folder}: there is no label map of image {image_id}.")
        return read_label_map(self._paths[image_id])

    def confidences(self, image_id: str, numbers: Int32[np.ndarray, " cell"]) -> np.ndarray:
        """Return the confidences of some cells; without a score the class is given, not predicted: 1."""
        classes, names = self._classes, self.class_names
        confidences = np.full((len(numbers), len(names)), np.nan, np.float32)
        for row, number in enumerate(numbers.tolist()):
            name = classes.of_cell.get((image_id, number), classes.of_image.get(image_id))
            if name is not None:
                confidences[row, names.index(name)] = classes.score_of.get((image_id, number), 1.0)
        return confidences
