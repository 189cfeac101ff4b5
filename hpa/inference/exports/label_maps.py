"""`also=label_maps`: cells and nuclei of each image as TIFF, for QuPath, napari, Fiji and `segmenter=stored`.

`<submission>.label_maps/cells/<ID>.tif`, and `nuclei/<ID>.tif` where the segmenter finds any, numbered as in every
other output. OME-TIFF (Goldberg et al., Genome Biology 6:R47, 2005) with the side of a pixel in µm, in the OME header
and in the plain resolution tags alike.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tifffile
from jaxtyping import Int32

from hpa.inference.exports.folders import gather, sync
from hpa.interfaces import CellRecord

SUFFIX = ".label_maps"
CENTIMETRE_UM = 10_000
_UINT16_MAX = 65535


class LabelMapsExport:
    """Writes label maps, one file an image and kind."""

    suffix = SUFFIX

    def start(self, block: Path) -> None:
        """Begin the folder of a block."""
        self._folder = block.with_suffix(SUFFIX)
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()

    def add(self, record: CellRecord) -> None:
        """Write the label maps of one image."""
        field, segmentation = record.segmented.field, record.segmented.segmentation
        for kind, label_map in (("cells", segmentation.cells), ("nuclei", segmentation.nuclei)):
            if label_map is not None:
                path = self._folder / kind / f"{field.image_id}.tif"
                path.parent.mkdir(exist_ok=True)
                write_pixel_sized(path, label_map, field.pixel_um)

    def finish(self) -> None:
        """Make sure that the files of the block are on disk."""
        sync(self._folder)

    def join(self, blocks: Sequence[Path], out: Path) -> None:
        """Put the files of all blocks into one folder in the place of an older one."""
        gather([block.with_suffix(SUFFIX) for block in blocks], out, SUFFIX)


def write_pixel_sized(path: Path, label_map: Int32[np.ndarray, "height width"], pixel_um: float) -> None:
    """Write a label map as OME-TIFF.

    Args:
        path: The file.
        label_map: 0 background; 16 bit where its numbers fit, else 32.
        pixel_um: Side of a pixel in µm.
    """
    # deflate of level 1: label maps are flat, higher levels take several times the time for some per cent of the size
    tifffile.imwrite(
        path,
        label_map.astype(np.uint16) if label_map.max(initial=0) <= _UINT16_MAX else label_map,
        ome=True,
        photometric="minisblack",
        compression="zlib",
        compressionargs={"level": 1},
        resolution=(CENTIMETRE_UM / pixel_um, CENTIMETRE_UM / pixel_um),
        resolutionunit="CENTIMETER",
        metadata={
            "axes": "YX",
            "UUID": str(uuid.uuid5(uuid.NAMESPACE_OID, path.name)),  # a random one would make every run's bytes differ
            "PhysicalSizeX": pixel_um,
            "PhysicalSizeXUnit": "µm",
            "PhysicalSizeY": pixel_um,
            "PhysicalSizeYUnit": "µm",
        },
    )
