"""Label maps after corrections: cells merged and deleted, numbered anew from 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Int32

from hpa.core.errors import InputError
from hpa.core.field import Field, Segmentation
from hpa.core.label_map import labels_of
from hpa.corrections.table import ImageCorrections, digest_of_cells
from hpa.interfaces import FileSegmenter, Segmenter


def new_numbers(corrections: ImageCorrections, numbers: Int32[np.ndarray, " cell"]) -> Int32[np.ndarray, " number"]:
    """Return a table from the numbers of a label map to those after corrections; 0 for what is no cell any more.

    Args:
        corrections: Of the image.
        numbers: Its cells, ascending.

    Raises:
        InputError: If a corrected cell does not exist.
    """
    named = {*corrections.classes, *corrections.merged, *corrections.merged.values(), *corrections.deleted}
    unknown = sorted(named - set(numbers.tolist()))
    if unknown:
        raise InputError(f"cell {unknown[0]} is corrected, but there is no such cell.")
    kept = {cell: _root_of(corrections, cell) for cell in numbers.tolist()}
    left = sorted({root for root in kept.values() if root not in corrections.deleted})
    new = {root: number for number, root in enumerate(left, start=1)}
    table = np.zeros(int(numbers.max(initial=0)) + 1, np.int32)
    for cell, root in kept.items():
        table[cell] = new.get(root, 0)
    return table


class CorrectedSegmenter:
    """A segmenter whose cells are merged and deleted as was corrected.

    Args:
        segmenter: Finds the cells that were corrected.
        images: The corrections.
    """

    def __init__(self, segmenter: Segmenter, images: dict[str, ImageCorrections]) -> None:
        self._segmenter, self._images = segmenter, images
        self.channels = segmenter.channels

    def segment(self, fields: Sequence[Field]) -> list[Segmentation]:
        """Segment fields, and merge and delete cells.

        Raises:
            InputError: If the corrections of an image are of another segmentation.
        """
        found = self._segmenter.segment(fields)
        return [self._corrected(field.image_id, one) for field, one in zip(fields, found, strict=True)]

    def fingerprint(self) -> dict[str, Any]:
        """Return what decides the result, beside the corrections of an image."""
        return self._segmenter.fingerprint()

    def fingerprint_of(self, image_id: str) -> dict[str, Any]:
        """Return the corrections of an image's outlines, and what its own segmenter reads for it; {} for neither."""
        own = self._segmenter.fingerprint_of(image_id) if isinstance(self._segmenter, FileSegmenter) else {}
        image = self._images.get(image_id)
        if image is None or not image.changes_outlines:
            return own
        merged = sorted([cell, into] for cell, into in image.merged.items())
        return {**own, "corrected": image.segmentation, "merged": merged, "deleted": sorted(image.deleted)}

    def _corrected(self, image_id: str, found: Segmentation) -> Segmentation:
        image = self._images.get(image_id)
        if image is None or not image.changes_outlines:
            return found
        require_same_cells(image_id, image, found.cells)
        table = new_numbers(image, labels_of(found.cells).astype(np.int32))
        return Segmentation(table[found.cells], None if found.nuclei is None else table[found.nuclei])


def require_same_cells(
    image_id: str, corrections: ImageCorrections, label_map: Int32[np.ndarray, "height width"]
) -> None:
    """Refuse corrections of another segmentation.

    Raises:
        InputError: If the digest of the label map is not the one that was corrected.
    """
    if digest_of_cells(label_map) != corrections.segmentation:
        raise InputError(
            f"the corrections of image {image_id} are of another segmentation: cells have other numbers or outlines "
            "there. Take the segmenter, settings and image that were corrected, or another table of corrections."
        )


def _root_of(corrections: ImageCorrections, cell: int) -> int:
    """Return the cell that a cell is part of after all mergers; a ring of mergers ends at its smallest number."""
    seen = [cell]
    while (into := corrections.merged.get(seen[-1])) is not None:
        if into in seen:
            return min(seen[seen.index(into) :])
        seen.append(into)
    return seen[-1]
