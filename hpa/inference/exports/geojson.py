"""`also=geojson`: cells of each image for QuPath, in `<submission>.geojson/<ID>.geojson`.

The class of a cell is the one with the highest confidence; its area and the confidence in every class are measurements.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hpa.core.label_map import areas_of
from hpa.core.whole_file import whole_file
from hpa.formats.geojson_file import SUFFIX, features_of, text_of
from hpa.inference.exports.folders import gather, sync
from hpa.interfaces import CellRecord


class GeojsonExport:
    """Writes one file an image.

    Args:
        class_names: Name of each class; comes from the run.
    """

    suffix = SUFFIX

    def __init__(self, class_names: Sequence[str]) -> None:
        self._class_names = tuple(class_names)

    def start(self, block: Path) -> None:
        """Begin the folder of a block."""
        self._folder = block.with_suffix(SUFFIX)
        self._folder.mkdir(exist_ok=True)

    def add(self, record: CellRecord) -> None:
        """Write the cells of one image."""
        field, segmentation = record.segmented.field, record.segmented.segmentation
        confidences = np.asarray(record.confidences)
        areas_um2 = areas_of(segmentation.cells) * field.pixel_um**2
        measurements = [
            {"Cell: Area µm^2": round(float(area), 3)}
            | {f"confidence: {name}": round(float(one), 6) for name, one in zip(self._class_names, row, strict=True)}
            for area, row in zip(areas_um2, confidences, strict=True)
        ]
        best = [self._class_names[int(row.argmax())] for row in confidences]
        features = features_of(segmentation.cells, segmentation.nuclei, field.image_id, best, measurements)
        with whole_file(self._folder / f"{field.image_id}{SUFFIX}") as file:
            file.write(text_of(features))

    def finish(self) -> None:
        """Make sure that the files of the block are on disk."""
        sync(self._folder)

    def join(self, blocks: Sequence[Path], out: Path) -> None:
        """Put the files of all blocks into one folder in the place of an older one."""
        gather([block.with_suffix(SUFFIX) for block in blocks], out, SUFFIX)
