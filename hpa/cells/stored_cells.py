"""The cells of an image table as the store holds them: a table of cells, and random access to their crops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float32, Int64, UInt8

from hpa.cells.crop_records import CELL_COLUMNS, CellMeasures, read_records, record_dtype
from hpa.cells.crops import CropSpec
from hpa.core.errors import InputError
from hpa.core.field import Segmentation
from hpa.formats.label_maps import read_segmentation


@dataclass(frozen=True)
class StoredImage:
    """Where an image's cells lie.

    Attributes:
        image_id: Name of the image.
        identity: Name of the files that it was read from (`ImageSource.identity`).
        label_map: File of its segmentation.
        crops: File of its crops.
        bits: Depth of the stored pixels, 8 or 16.
        cell_count: How many cells it holds.
        digest: Of its crops: differs where their pixels do.
    """

    image_id: str
    identity: str
    label_map: Path
    crops: Path
    bits: int
    cell_count: int
    digest: str = ""


@dataclass(frozen=True)
class ScaledCrops:
    """Crops ready for a model.

    Attributes:
        pixels: Intensities in [0, 1], the bit depth divided out.
        regions: 0 outside the cell, 1 cell, 2 nucleus.
    """

    pixels: Float32[np.ndarray, "cell channel side side"]
    regions: UInt8[np.ndarray, "cell side side"]


class StoredCells:
    """Cells of a table's images, in table order; holds paths only, so it is cheap to hand to worker processes.

    Attributes:
        cells: One row a cell: `image_id`, `image` (row of the table), `cell` (number in the label map), `top`, `left`,
            `height`, `width`, `area_px`, `edge_px` (pixels on the image's edge), `nucleus_px` (-1 without a
            nuclei map).
        images: One entry an image, those without cells too.
    """

    def __init__(self, images: Sequence[StoredImage], measures: Sequence[CellMeasures], spec: CropSpec) -> None:
        self.images = tuple(images)
        self.spec = spec
        counts = [image.cell_count for image in self.images]
        image = np.repeat(np.arange(len(counts)), counts)
        ids = pd.Series([entry.image_id for entry in self.images], dtype=str)
        numbers = np.concatenate([np.empty((0, len(CELL_COLUMNS)), np.int32), *measures])
        columns = {name: numbers[:, index] for index, name in enumerate(CELL_COLUMNS)}
        self.cells = pd.DataFrame({"image_id": ids.take(image).to_numpy(), "image": image} | columns)
        self._image_of_row = image
        self._position_of_row = columns["cell"].astype(np.int64) - 1

    def __len__(self) -> int:
        """Count the cells."""
        return len(self._image_of_row)

    @property
    def images_without_cells(self) -> list[str]:
        """List the ids of images in which no cell was found."""
        return [image.image_id for image in self.images if not image.cell_count]

    def crops(self, rows: Int64[np.ndarray, " cell"]) -> ScaledCrops:
        """Return the crops of some rows of `cells`, in the given order; a row may occur twice.

        Raises:
            DamagedFileError: If a file went away, or was cut short or changed after it had been written.
        """
        side = self.spec.side_px
        pixels = np.empty((len(rows), len(self.spec.channels), side, side), np.float32)
        regions = np.empty((len(rows), side, side), np.uint8)
        image_of_row = self._image_of_row[rows]
        for image_row in np.unique(image_of_row).tolist():
            places = np.flatnonzero(image_of_row == image_row)
            image = self.images[image_row]
            records = read_records(
                image.crops,
                self._position_of_row[rows[places]],
                image.cell_count,
                record_dtype(image.bits, len(self.spec.channels), side),
            )
            scale = np.float32(1 / (2**image.bits - 1))
            for place, record in zip(places.tolist(), records, strict=True):
                np.multiply(record["pixels"], scale, out=pixels[place])
                regions[place] = record["regions"]
        return ScaledCrops(pixels, regions)

    def segmentation(self, image_id: str) -> Segmentation:
        """Return the label maps of an image.

        Raises:
            InputError: If the table has no such image, or the file is damaged.
        """
        for image in self.images:
            if image.image_id == image_id:
                return read_segmentation(image.label_map)
        raise InputError(f"the cell store was prepared for {len(self.images)} images, '{image_id}' is not among them.")
