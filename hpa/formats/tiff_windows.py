"""Windows of a TIFF file of any size."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from hpa.core.errors import InputError
from hpa.core.windows import Window
from hpa.formats.image_header import check_size
from hpa.formats.tiff import BROKEN, damaged, opened, readables
from hpa.formats.tiff_segments import DecodedSegments, has_data, layout_of, segment_values

Planes = Shaped[np.ndarray, "slice channel height width"]


class TiffWindows:
    """Reads windows of a scene, decoding only the tiles or strips that they touch; the file stays open.

    Attributes:
        layout: How its pixels are stored, in words.

    Raises:
        InputError: As `inspect_tiff`, and if one tile or strip exceeds the limit.
    """

    def __init__(self, path: Path, scene: int, time: int, slices: range) -> None:
        self._path, self._time, self._slices = path, time, slices
        self._open = ExitStack()
        tiff = self._open.enter_context(opened(path))
        self._readable = readables(path, tiff)[0][scene]
        self._kept = DecodedSegments()
        self.layout = layout_of(self._readable.pages[0])
        check_size(path, max(map(segment_values, self._readable.pages)))

    def read(self, window: Window) -> Planes:
        """Return planes of a window.

        Raises:
            InputError: If its pixels cannot be decoded.
        """
        try:
            return self._readable.read(self._time, self._slices, (window, self._kept))
        except InputError:
            raise
        except BROKEN as error:
            raise damaged(self._path, f"{_place(window)}: {error}") from error

    def has_data(self, window: Window) -> bool:
        """Return whether the file holds data of what a window touches; else it is black."""
        return any(has_data(page, window) for page in self._readable.pages)

    def close(self) -> None:
        """Close the file."""
        self._open.close()


def _place(window: Window) -> str:
    return f"rows {window.top} to {window.bottom}, columns {window.left} to {window.right}"
