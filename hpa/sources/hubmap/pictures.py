"""Colour pictures of tissue: one TIFF file an image, red, green and blue of 8 or 16 bit, read as stored.

What is no RGB is refused, not converted: inks, indexed colours or a fourth plane turn into RGB by rules that only the
program which wrote them knows, and stain is what these pictures are about.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile
from jaxtyping import UInt8, UInt16

from hpa.core.errors import InputError
from hpa.formats.image_files import BROKEN, PlaneInfo, damaged

_COLOURS = 3
_EIGHT_OR_SIXTEEN_BIT = (np.uint8, np.uint16)
_JPEG = (tifffile.COMPRESSION.OJPEG, tifffile.COMPRESSION.JPEG)
"""Compressions that keep luma and chroma, which their decoder turns back into RGB."""

Picture = UInt8[np.ndarray, "3 height width"] | UInt16[np.ndarray, "3 height width"]


def picture_info(path: Path) -> PlaneInfo:
    """Return size and depth of an RGB picture from its tags, having seen that the file is whole; no pixel is decoded.

    Raises:
        InputError: If the file is missing, cut short, no TIFF, or not one RGB picture of 8 or 16 bit.
    """
    try:
        with tifffile.TiffFile(path) as tiff:
            return _checked(path, tiff)
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"{path}: the file is missing; add it or take its row out of the table.") from error
    except BROKEN as error:
        raise damaged(path, str(error)) from error


def read_picture(path: Path) -> Picture:
    """Return the red, the green and the blue plane as they are stored.

    Raises:
        InputError: As `picture_info`, and if the pixels cannot be decoded.
    """
    picture_info(path)
    try:
        with tifffile.TiffFile(path) as tiff:
            page = tiff.pages.first
            pixels = page.asarray(maxworkers=1)
            is_planar = page.planarconfig == tifffile.PLANARCONFIG.SEPARATE
    except BROKEN as error:
        raise damaged(path, str(error)) from error
    return pixels if is_planar else np.ascontiguousarray(np.moveaxis(pixels, -1, 0))


def _checked(path: Path, tiff: tifffile.TiffFile) -> PlaneInfo:
    page = tiff.pages.first
    colour = getattr(page.photometric, "name", str(page.photometric))
    is_rgb = colour == "RGB" or (colour == "YCBCR" and page.compression in _JPEG)
    if len(tiff.pages) != 1:
        raise _not_rgb(path, f"{len(tiff.pages)} pages")
    if not is_rgb or page.samplesperpixel != _COLOURS:
        raise _not_rgb(path, f"{page.samplesperpixel} planes of kind {_name_of(colour)}")
    if page.dtype not in _EIGHT_OR_SIXTEEN_BIT:
        raise _not_rgb(path, f"pixels of type {page.dtype}")
    tifffile.TIFF.DECOMPRESSORS[
        page.compression
    ]  # LookupError now, not in training, where its decoder is not installed
    ends = [start + count for start, count in zip(page.dataoffsets, page.databytecounts, strict=True)]
    if max(ends, default=0) > tiff.filehandle.size:
        raise damaged(path, "its end is missing")
    return PlaneInfo(page.imagelength, page.imagewidth, 8 * page.dtype.itemsize)


def _name_of(colour: str) -> str:
    return "CMYK (inks)" if colour == "SEPARATED" else colour


def _not_rgb(path: Path, found: str) -> InputError:
    return InputError(
        f"{path}: one RGB picture of 8 or 16 bit is expected, the file holds {found}; convert it to RGB without "
        "transparency in the program that made it, by its own colour profile, and save it as TIFF."
    )
