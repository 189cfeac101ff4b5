"""Cells from label maps on disk, whoever made them: another program, a person, an earlier run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int32

from hpa.core.addresses import as_path
from hpa.core.errors import InputError
from hpa.core.field import Field, Segmentation
from hpa.core.file_identity import file_identity
from hpa.core.label_map import relabel
from hpa.formats.cellpose_seg import SUFFIX as CELLPOSE_SUFFIX
from hpa.formats.label_map_names import label_map_names
from hpa.formats.label_maps import SUFFIXES as LABEL_MAP_SUFFIXES
from hpa.formats.label_maps import read_label_map

SUFFIXES = (*LABEL_MAP_SUFFIXES, CELLPOSE_SUFFIX)


class Stored:
    """Reads `<image id>.png`, `.tif`, `.tiff`, `.npz` (key `label_map`) or `_seg.npy` of a folder; no nuclei.

    Cells may carry any positive numbers; they are renumbered 1..n in the same order.
    """

    channels: tuple[str, ...] = ()

    def __init__(self, folder: str | Path) -> None:
        self.folder = as_path(folder)
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
        """Return which file serves an image, and what names its content.

        Raises:
            InputError: If there is no file, or more than one.
        """
        return {"file": file_identity(self._path_of(image_id))}

    def _path_of(self, image_id: str) -> Path:
        candidates = [self.folder / f"{name}{suffix}" for name in label_map_names(image_id) for suffix in SUFFIXES]
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
        label_map = read_label_map(path)
        if label_map.shape != field.pixels.shape[1:]:
            raise InputError(
                f"{path}: must have the size of its field, {field.pixels.shape[1:]}, has {label_map.shape}; "
                "resize it without interpolation, or give the map of this image."
            )
        try:
            return relabel(label_map)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
