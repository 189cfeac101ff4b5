"""`also=ome_zarr`: each image with its cells and nuclei as OME-Zarr 0.5, in `<submission>.ome_zarr/<ID>.zarr`."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hpa.formats.geojson_file import colour_of
from hpa.formats.ome_zarr_writing import require_zarr, write_image, write_labels
from hpa.inference.exports.folders import gather, sync
from hpa.interfaces import CellRecord

SUFFIX = ".ome_zarr"


class OmeZarrExport:
    """Writes one image with labels each.

    Args:
        class_names: Name of each class; comes from the run.

    Raises:
        InputError: If the package zarr is missing.
    """

    suffix = SUFFIX

    def __init__(self, class_names: Sequence[str]) -> None:
        require_zarr()
        self._class_names = tuple(class_names)

    def start(self, block: Path) -> None:
        """Begin the folder of a block."""
        self._folder = block.with_suffix(SUFFIX)
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()

    def add(self, record: CellRecord) -> None:
        """Write one image, with the class of highest confidence and the confidence in it as properties of its cells."""
        field, segmentation = record.segmented.field, record.segmented.segmentation
        confidences = np.asarray(record.confidences)
        best = [int(row.argmax()) for row in confidences]
        names = [self._class_names[index] for index in best]
        properties = [
            {"class": name, "confidence": round(float(row[index]), 6)}
            for name, index, row in zip(names, best, confidences, strict=True)
        ]
        folder = self._folder / f"{field.image_id}.zarr"
        write_image(folder, field)
        label_maps = {"cells": segmentation.cells, "nuclei": segmentation.nuclei}
        found = {name: label_map for name, label_map in label_maps.items() if label_map is not None}
        write_labels(folder, found, field.pixel_um, properties, [colour_of(name) for name in names])

    def finish(self) -> None:
        """Make sure that the files of the block are on disk."""
        sync(self._folder)

    def join(self, blocks: Sequence[Path], out: Path) -> None:
        """Put the images of all blocks into one folder in the place of an older one."""
        gather([block.with_suffix(SUFFIX) for block in blocks], out, SUFFIX)
