"""The cells of a COCO file: instances with a class and a score each, as detectors and `also=coco` write them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Int32

from hpa.core.coco import paint
from hpa.core.field import Field
from hpa.formats.coco_file import category_names, read_coco
from hpa.results.found_cells import CellTable, Mask
from hpa.results.images import Images


class CocoCells:
    """Instances of a COCO file, numbered from 1 in the order of the file.

    Args:
        path: The file.
        images: Its images.

    Raises:
        InputError: If it is no such file.
    """

    def __init__(self, path: Path, images: Images) -> None:
        self._images = images
        self._found = {image.name: image for image in read_coco(path)}
        self.class_names = tuple(category_names(path))

    def table(self) -> CellTable:
        """Return all instances; a class without a score has confidence 1."""
        place = {name: index for index, name in enumerate(self.class_names)}
        counts = [len(image.texts) for image in self._found.values()]
        confidences = np.full((sum(counts), len(self.class_names)), np.nan, np.float32)
        names = [name for image in self._found.values() for name in image.class_names]
        scores = [1.0 if score is None else score for image in self._found.values() for score in image.scores]
        confidences[np.arange(len(names)), [place[name] for name in names]] = scores
        return CellTable(
            tuple(self._found),
            np.repeat(np.arange(len(counts), dtype=np.int32), counts),
            np.concatenate([np.arange(1, count + 1, dtype=np.int32) for count in (*counts, 0)]),
            confidences,
        )

    def read(self, image_id: str) -> Field:
        """Read an image; InputError names the file and the reason."""
        return self._images.read(image_id)

    def masks(self, image_id: str) -> Iterator[Mask]:
        """Yield the masks of an image's instances."""
        image = self._found[image_id]
        for text in image.texts:
            yield paint([text], image.height, image.width).label_map > 0

    def label_map(self, image_id: str) -> Int32[np.ndarray, "height width"]:
        """Return the instances of an image; of overlapping ones the smaller is on top."""
        image = self._found[image_id]
        return paint(image.texts, image.height, image.width).label_map
