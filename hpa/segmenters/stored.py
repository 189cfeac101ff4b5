"""Cells from label maps on disk, whoever made them: another program, a person, an earlier run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from jaxtyping import Int32, Shaped

from hpa.core.errors import InputError
from hpa.core.field import Field, Segmentation
from hpa.core.label_map import relabel
from hpa.formats.cellpose_seg import SUFFIX as CELLPOSE_SUFFIX
from hpa.formats.cellpose_seg import read_cellpose_masks

SUFFIXES = (".png", ".tif", ".tiff", ".npz", CELLPOSE_SUFFIX)
NPZ_KEY = "label_map"


class Stored:
    """Reads `<image id>.png`, `.tif`, `.tiff`, `.npz` (key `label_map`) or `_seg.npy` of a folder; no nuclei.

    Cells may carry any positive numbers; they are renumbered 1..n in the same order.
    """

    channels: tuple[str, ...] = ()

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise InputError(
                f"segmenter.folder={self.folder}: a folder of label maps was expected, there is none; check the path."
            )

    def segment(self, fields: Sequence[Field]) -> list[Segmentation]:
        """Return the stored cells of each field.

        Raises:
            InputError: If a file is missing, broken, no label map, or of another size than its field.
        """
        return [Segmentation(self._label_map_of(field)) for field in fields]

    def fingerprint(self) -> dict[str, Any]:
        """Return the folder; what decides a single image stands in `fingerprint_of`."""
        return {"segmenter": "stored", "folder": str(self.folder.resolve())}

    def fingerprint_of(self, image_id: str) -> dict[str, Any]:
        """Return which file serves an image, its size and its time of change.

        Raises:
            InputError: If there is no file, or more than one.
        """
        path = self._path_of(image_id)
        status = path.stat()
        return {"file": path.name, "bytes": status.st_size, "mtime_ns": status.st_mtime_ns}

    def _path_of(self, image_id: str) -> Path:
        candidates = [self.folder / f"{image_id}{suffix}" for suffix in SUFFIXES]
        present = [path for path in candidates if path.is_file()]
        if len(present) == 1:
            return present[0]
        if not present:
            raise InputError(
                f"{self.folder / image_id}: no label map ({', '.join(SUFFIXES)}); add the file or choose another "
                "segmenter."
            )
        raise InputError(f"{self.folder}: one label map an image, came {[path.name for path in present]}; remove one.")

    def _label_map_of(self, field: Field) -> Int32[np.ndarray, "height width"]:
        path = self._path_of(field.image_id)
        pixels = _read(path)
        if pixels.ndim != 2 or pixels.dtype.kind not in "iu":
            raise InputError(
                f"{path}: a label map is one plane of whole numbers, 0 background; came {pixels.dtype} of shape "
                f"{pixels.shape}. Save the numbers of the cells, not a picture or a yes/no mask of them."
            )
        if pixels.shape != field.pixels.shape[1:]:
            raise InputError(
                f"{path}: must have the size of its field, {field.pixels.shape[1:]}, has {pixels.shape}; "
                "resize it without interpolation, or give the map of this image."
            )
        try:
            return relabel(pixels)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error


def _read(path: Path) -> Shaped[np.ndarray, "*axes"]:
    """Return the array of a file as it is."""
    if path.name.endswith(CELLPOSE_SUFFIX):
        return read_cellpose_masks(path)
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as archive:
                return archive[NPZ_KEY]
        pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED) if path.suffix == ".png" else tifffile.imread(path)
    except Exception as error:  # a broken file makes decoders fail in any way
        raise InputError(
            f"{path}: cannot be read as a label map ({error}); save it again (npz: key '{NPZ_KEY}', no pickles)."
        ) from error
    if pixels is None:
        raise InputError(f"{path}: cannot be read as PNG, the file is broken; save it again.")
    return pixels
