"""What images and segmenters must do to be worked on window by window."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from hpa.core.field import Field, Segmentation
from hpa.core.windows import Window


@runtime_checkable
class FieldReader(Protocol):
    """An image of any size, of which windows are read."""

    @property
    def image_id(self) -> str:
        """Return the name of the image."""

    @property
    def height(self) -> int:
        """Return the number of rows, px."""

    @property
    def width(self) -> int:
        """Return the number of columns, px."""

    @property
    def pixel_um(self) -> float:
        """Return the side of a pixel, µm."""

    def read(self, window: Window) -> Field:
        """Return the planes of a window; InputError where it cannot be read."""

    def has_data(self, window: Window) -> bool:
        """Return whether the file stores anything of a window; else all its pixels are 0."""


@runtime_checkable
class WindowSegmenter(Protocol):
    """A segmenter that knows the whole of one image, and segments its windows."""

    overlap_px: int
    """How far beyond a tile it must see, so that cells that begin there are as in one piece."""
    is_exact: bool
    """Whether its thresholds and grids are those of the whole image, so that windows give the cells of one piece."""

    def segment(self, window: Window) -> Segmentation:
        """Return cells and nuclei of a window; numbers are those of this window alone, and may have gaps."""
