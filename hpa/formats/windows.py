"""Windows of image files of any size: the rules of `hpa.formats.images`, and only what a window touches is decoded.

TIFF is read by its tiles or strips, OME-Zarr by its chunks. Other formats have none: they are read whole, once, and
only up to the limit of all images.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Shaped

from hpa.core.windows import Window
from hpa.formats.chosen_planes import chosen_planes
from hpa.formats.image_header import ImageHeader, Scene, StackChoice, check_size, expanded
from hpa.formats.images import AS_IS, Planes, inspect_image, read_image
from hpa.formats.ome_zarr import ZarrWindows
from hpa.formats.tiff_windows import TiffWindows


@runtime_checkable
class _Windows(Protocol):
    layout: str

    def read(self, window: Window) -> Shaped[np.ndarray, "slice channel height width"]: ...

    def has_data(self, window: Window) -> bool: ...

    def close(self) -> None: ...


class ImageWindows:
    """An image of which windows are read; close it afterwards.

    Args:
        path: The file, or the folder of an OME-Zarr image.
        choice: What is taken of stacks and of several scenes.
        is_whole: As of `read_image`.

    Attributes:
        scene: What the header says.
        layout: How its pixels are stored, in words.

    Raises:
        InputError: As `read_image`; the limit holds for a tile, strip or chunk where the file has any.
    """

    def __init__(self, path: Path, choice: StackChoice = AS_IS, *, is_whole: bool = True) -> None:
        header = inspect_image(path)
        chosen = chosen_planes(header, choice, is_whole)
        self.scene: Scene = header.scenes[chosen.scene]
        self.path = path
        self._bits = choice.bits or self.scene.bits
        self._windows: _Windows
        if header.format.startswith("OME-Zarr"):
            self._windows = ZarrWindows(path, *chosen)
        elif _is_tiff(header):
            self._windows = TiffWindows(path, *chosen)
        else:
            values = len(chosen.slices) * len(self.scene.channel_names) * self.scene.height * self.scene.width
            check_size(path, values)
            self._windows = _WholeImage(path, choice, is_whole, header.format)
        self.layout = self._windows.layout

    @property
    def whole(self) -> Window:
        """Return the window that is the whole image."""
        return Window(0, 0, self.scene.height, self.scene.width)

    def read(self, window: Window) -> Planes:
        """Return the planes of a window that lies inside the image: levels as `read_image` gives them.

        Raises:
            InputError: If pixels cannot be decoded, or the window exceeds the limit.
        """
        check_size(self.path, len(self.scene.channel_names) * window.area)
        return expanded(self.path, self._windows.read(window).max(axis=0), self._bits)

    def has_data(self, window: Window) -> bool:
        """Return whether the file stores anything of a window; else all its pixels are 0."""
        return self._windows.has_data(window)

    def close(self) -> None:
        """Close the file."""
        self._windows.close()


class _WholeImage:
    """An image of a format without tiles, read whole when its first window is."""

    def __init__(self, path: Path, choice: StackChoice, is_whole: bool, format_name: str) -> None:
        self._path, self._choice, self._is_whole = path, choice, is_whole
        self._planes: Planes | None = None
        self.layout = f"{format_name} has no tiles, it is read whole"

    def read(self, window: Window) -> Shaped[np.ndarray, "slice channel height width"]:
        if self._planes is None:
            self._planes = read_image(self._path, self._choice, is_whole=self._is_whole).planes
        return self._planes[None][..., *window.slices]

    def has_data(self, window: Window) -> bool:
        del window
        return True

    def close(self) -> None:
        self._planes = None


def _is_tiff(header: ImageHeader) -> bool:
    return "TIFF" in header.format or header.format in ("LSM", "MetaMorph STK", "SVS")
