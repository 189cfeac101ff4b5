"""Colour pictures of tissue: one TIFF file an image, red, green and blue of 8 or 16 bit, read as stored.

What is no RGB is refused, not converted: inks, indexed colours or a fourth plane turn into RGB by rules that only the
program which wrote them knows, and stain is what these pictures are about.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import UInt8, UInt16

from hpa.core.errors import InputError
from hpa.formats.image_header import GREY, RGB, ImageHeader, PlaneInfo
from hpa.formats.images import read_image
from hpa.formats.tiff import inspect_tiff

Picture = UInt8[np.ndarray, "3 height width"] | UInt16[np.ndarray, "3 height width"]


def picture_info(path: Path) -> PlaneInfo:
    """Return size and depth of an RGB picture from its tags, having seen that the file is whole; no pixel is decoded.

    Raises:
        InputError: If the file is missing, cut short, no TIFF, or not one RGB picture of 8 or 16 bit.
    """
    header = inspect_tiff(path)
    if found := _not_one_rgb_picture(header):
        raise InputError(
            f"{path}: one RGB picture of 8 or 16 bit is expected, the file holds {found}; convert it to RGB without "
            "transparency in the program that made it, by its own colour profile, and save it as TIFF."
        )
    return header.scenes[0].info


def read_picture(path: Path) -> Picture:
    """Return the red, the green and the blue plane as they are stored.

    Raises:
        InputError: As `picture_info`, and if the pixels cannot be decoded.
    """
    picture_info(path)
    return read_image(path).planes


def _not_one_rgb_picture(header: ImageHeader) -> str:
    """Return what a file holds instead, "" where it is one picture."""
    scene = header.scenes[0]
    pages = len(header.scenes) * scene.slices * scene.times * len(scene.channel_names) // 3
    if scene.colour == RGB and pages > 1:
        return f"{pages} pages"
    if scene.colour != RGB or scene.notes:
        kind = "one plane or more of grey" if scene.colour == GREY else scene.colour
        return ", ".join([kind, *scene.notes])
    return "" if scene.dtype in ("uint8", "uint16") else f"pixels of type {scene.dtype}"
