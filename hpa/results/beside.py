"""Another segmentation of the images of a page, compared with the cells shown."""

from __future__ import annotations

from pathlib import Path

from hpa.core.agreement import agreement
from hpa.core.errors import InputError
from hpa.reports.cell_page import OtherCells
from hpa.results.found_cells import FoundCells


class Beside:
    """Cells of another file or folder.

    Args:
        path: Where they lie.
        found: They, read.

    Attributes:
        name: Of the file or folder, with the folder it lies in.
    """

    def __init__(self, path: Path, found: FoundCells) -> None:
        self.name = str(Path(*path.parts[-2:]))
        self._path, self._found = path, found
        self._image_ids = set(found.table().image_ids)

    def of(self, image_id: str, shown: FoundCells) -> OtherCells:
        """Return its cells of an image, and what they have in common with those that are shown.

        Raises:
            InputError: If they lie on an image of another size.
        """
        if image_id not in self._image_ids:
            return OtherCells((), "no cells of this image")
        own, others = shown.label_map(image_id), self._found.label_map(image_id)
        if own.shape != others.shape:
            sizes = " and ".join(f"{one.shape[1]}×{one.shape[0]}" for one in (own, others))
            raise InputError(
                f"{self._path}: segmentations of one image have one size in px, came {sizes}; give those of the same "
                "images."
            )
        return OtherCells(self._found.masks(image_id), str(agreement(own, others)))
