"""`also=label_maps`: the cells of each image as `<submission>.label_maps/<ID>.tif`, for QuPath, napari and Fiji.

OME-TIFF (Goldberg et al., Genome Biology 6:R47, 2005) with the side of a pixel in µm, in the OME header and in the
plain resolution tags alike. The first plane holds the cells, their numbers those of every other output, the second
the nuclei where the segmenter finds any.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tifffile

from hpa.core.field import Segmentation
from hpa.interfaces import CellRecord

SUFFIX = ".label_maps"
CENTIMETRE_UM = 10_000
_UINT16_MAX = 65535


class LabelMapsExport:
    """Writes label maps, one file an image."""

    def start(self, block: Path) -> None:
        """Begin the folder of a block."""
        self._folder = block.with_suffix(SUFFIX)
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()

    def add(self, record: CellRecord) -> None:
        """Write the label map of one image."""
        field = record.segmented.field
        write_pixel_sized(self._folder / f"{field.image_id}.tif", record.segmented.segmentation, field.pixel_um)

    def finish(self) -> None:
        """Make sure that the files of the block are on disk."""
        for path in self._folder.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())

    def join(self, blocks: Sequence[Path], out: Path) -> None:
        """Put the files of all blocks into one folder in the place of an older one."""
        result = out.with_suffix(SUFFIX)
        gathered = result.with_name(f".{result.name}.part")
        shutil.rmtree(gathered, ignore_errors=True)
        gathered.mkdir()
        for block in blocks:
            for path in block.with_suffix(SUFFIX).iterdir():
                _link(path, gathered / path.name)  # not moved: joining can be repeated
        shutil.rmtree(result, ignore_errors=True)
        gathered.replace(result)


def write_pixel_sized(path: Path, segmentation: Segmentation, pixel_um: float) -> None:
    """Write cells, and nuclei where there are any, as the planes of one OME-TIFF.

    Args:
        path: The file.
        segmentation: Cells and nuclei.
        pixel_um: Side of a pixel in µm.
    """
    maps = {"cells": segmentation.cells, "nuclei": segmentation.nuclei}
    planes = np.stack([plane for plane in maps.values() if plane is not None])
    # deflate of level 1: label maps are flat, higher levels take several times the time for some per cent of the size
    tifffile.imwrite(
        path,
        planes.astype(np.uint16 if planes.max(initial=0) <= _UINT16_MAX else np.int32),
        ome=True,
        photometric="minisblack",
        compression="zlib",
        compressionargs={"level": 1},
        resolution=(CENTIMETRE_UM / pixel_um, CENTIMETRE_UM / pixel_um),
        resolutionunit="CENTIMETER",
        metadata={
            "axes": "CYX",
            "UUID": str(uuid.uuid5(uuid.NAMESPACE_OID, path.name)),  # a random one would make every run's bytes differ
            "Channel": {"Name": list(maps)[: len(planes)]},
            "PhysicalSizeX": pixel_um,
            "PhysicalSizeXUnit": "µm",
            "PhysicalSizeY": pixel_um,
            "PhysicalSizeYUnit": "µm",
        },
    )


def _link(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where the file system cannot."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
