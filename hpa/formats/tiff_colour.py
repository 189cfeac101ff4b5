"""What the samples of a TIFF page are: intensities, colours, places in a palette, transparency, inks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import tifffile
from jaxtyping import Shaped

from hpa.core.windows import Window
from hpa.formats.image_header import GREY, RGB
from hpa.formats.tiff_segments import DecodedSegments, window_of_page

_ALPHA = (tifffile.EXTRASAMPLE.ASSOCALPHA, tifffile.EXTRASAMPLE.UNASSALPHA)
_JPEG = (tifffile.COMPRESSION.OJPEG, tifffile.COMPRESSION.JPEG, tifffile.COMPRESSION.APERIO_JP2000_YCBC)
"""Compressions that keep luma and chroma, which their decoders turn back into RGB."""
_COLOURS = 3
_YCBCR = tifffile.PHOTOMETRIC.YCBCR
PagePart = tuple[Window, DecodedSegments] | None
"""A window of a page, and where its decoded tiles are kept; None for the whole page."""
Planes = Shaped[np.ndarray, "sample height width"]


@dataclass(frozen=True)
class PageColour:
    """How the samples of a page become planes.

    Attributes:
        kind: `grey`, `RGB`, or the name of a coding that is no intensity.
        samples: Planes that a page gives.
        palette: Colour of each level, (3, level); None where levels are intensities.
        is_inverted: Whether 0 is white.
        notes: What is left out, or done to the levels.
    """

    kind: str
    samples: int
    palette: Shaped[np.ndarray, "3 level"] | None = None
    is_inverted: bool = False
    notes: tuple[str, ...] = ()


def colour_of(tiff: tifffile.TiffFile, page: tifffile.TiffPage) -> PageColour:
    """Return what the photometric tag and the extra samples of a page say."""
    photometric, samples = page.photometric, page.samplesperpixel
    extra = tuple(page.extrasamples or ())
    alpha = sum(kind in _ALPHA for kind in extra)
    noted = ("alpha left out",) if alpha else ()
    if photometric == tifffile.PHOTOMETRIC.RGB or (photometric == _YCBCR and page.compression in _JPEG):
        further = samples - _COLOURS - alpha
        words = "a fourth sample" if further == 1 else f"{further} further samples"
        beyond = (*noted, f"{words} left out") if further > 0 else noted
        return PageColour(RGB, _COLOURS, notes=beyond)
    if photometric == tifffile.PHOTOMETRIC.MINISBLACK:
        return PageColour(GREY, samples - alpha, notes=noted)
    if photometric == tifffile.PHOTOMETRIC.MINISWHITE:
        return PageColour(GREY, samples - alpha, is_inverted=True, notes=noted)
    if photometric == tifffile.PHOTOMETRIC.PALETTE and page.colormap is not None:
        if tiff.is_imagej or _is_ramp(page.colormap):  # a lookup table that only tints what a screen shows
            return PageColour(GREY, 1)
        return PageColour(RGB, _COLOURS, palette=_narrow(page.colormap), notes=("palette applied",))
    name = getattr(photometric, "name", str(photometric))
    return PageColour("CMYK (inks)" if name == "SEPARATED" else f"coded as {name}", samples)


def planes_of_page(page: Any, colour: PageColour, bits: int, part: PagePart = None) -> Planes:
    """Return the planes of a page (`TiffPage` or `TiffFrame`), or of a window of it."""
    pixels = decoded(page) if part is None else window_of_page(page, *part)
    keyframe = page.keyframe
    if colour.palette is not None:
        return np.take(colour.palette, pixels, axis=1)
    samples = np.moveaxis(pixels, keyframe.axes.index("S"), 0) if "S" in keyframe.axes else pixels[None]
    pixels = samples[: colour.samples]
    if colour.is_inverted and pixels.dtype.kind == "u":
        return np.asarray((1 << bits) - 1 - pixels.astype(np.int64)).clip(0).astype(pixels.dtype)
    return pixels


def decoded(page: Any) -> Shaped[np.ndarray, "*axes"]:
    """Return the pixels of a page (`TiffPage` or `TiffFrame`) as they are stored."""
    try:
        return page.asarray(maxworkers=1)
    except RuntimeError:
        if page.keyframe.compression != tifffile.COMPRESSION.ZSTD:
            raise
        # some programs count the padding byte of a strip in, which the decoder takes for a broken second frame
        page.databytecounts = tuple(count - 1 for count in page.databytecounts)
        return page.asarray(maxworkers=1)


def _is_ramp(colormap: Shaped[np.ndarray, "3 level"]) -> bool:
    """Return whether each colour of a palette grows evenly with its place, so that the place is an intensity."""
    levels = colormap.shape[1]
    ends = colormap[:, -1:].astype(np.float64)
    even = ends * np.arange(levels) / max(1, levels - 1)
    step = max(1.0, 65535 / max(1, levels - 1))
    return bool(ends.any() and np.abs(colormap - even).max() <= step)


def _narrow(colormap: Shaped[np.ndarray, "3 level"]) -> Shaped[np.ndarray, "3 level"]:
    """Return a palette in 8 bit where its 16-bit entries are nothing but that."""
    entries = np.asarray(colormap, np.uint16)
    high, low = entries >> 8, entries & 255
    return high.astype(np.uint8) if not low.any() or np.array_equal(low, high) else entries
