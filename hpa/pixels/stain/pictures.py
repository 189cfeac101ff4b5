"""Pictures of another laboratory, whose colours are the aim."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import overload

import cv2
import numpy as np
from jaxtyping import Float32

from hpa.core.errors import InputError
from hpa.formats.folder_images import FolderImages

Picture = Float32[np.ndarray, "_height _width 3"]
"""One of several pictures, each of a size of its own."""
_COLOURS = ("red", "green", "blue")


class ReferencePictures(Sequence[Picture]):
    """Pictures of a folder, shrunk, in memory: red, green and blue light in [0, 1].

    Args:
        folder: PNG or TIFF files in colour, 8 or 16 bit.
        side_px: Longest side they are shrunk to; colours need no detail.
        most: How many are kept, spread over the folder in the order of their names.

    Raises:
        InputError: If there is no such folder, or a picture cannot be read.
    """

    def __init__(self, folder: str | Path, side_px: int, most: int) -> None:
        if side_px < 1 or most < 1:
            raise InputError(f"one reference picture of 1 px or more is the least; came {most} of {side_px} px.")
        files = FolderImages(Path(folder), _COLOURS, _COLOURS, pixel_um=None)
        step = -(-len(files.image_ids) // most)  # rounded up
        self._pictures = [_shrunk(files, image_id, side_px) for image_id in files.image_ids[::step]]

    def __len__(self) -> int:
        """Count the pictures."""
        return len(self._pictures)

    @overload
    def __getitem__(self, index: int) -> Picture: ...

    @overload
    def __getitem__(self, index: slice) -> list[Picture]: ...

    def __getitem__(self, index: int | slice) -> Picture | list[Picture]:
        """Return a picture, in the order of their names."""
        return self._pictures[index]


def _shrunk(files: FolderImages, image_id: str, side_px: int) -> Picture:
    field = files.read(image_id)
    pixels = np.stack([field.plane(colour) for colour in _COLOURS], axis=2)
    picture = pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)
    factor = min(1.0, side_px / max(picture.shape[:2]))
    height, width = (max(1, round(factor * length)) for length in picture.shape[:2])
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
