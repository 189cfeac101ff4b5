"""Image files as microscopes and Fiji write them: planes with their names, and the side of a pixel in µm.

TIFF of every kind that tifffile reads (OME, ImageJ, MetaMorph, LSM, plain), and PNG. The size of a pixel is told by
OME-XML, by ImageJ's unit, by MetaMorph's calibration, or by a resolution that a microscope can have: the 72 dpi of a
picture for the screen would be 353 µm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from jaxtyping import Shaped, UInt8, UInt16

from hpa.core.errors import InputError
from hpa.formats.image_files import BROKEN, damaged

TIFF_SUFFIXES = (".tif", ".tiff", ".stk", ".lsm")
PROPRIETARY_SUFFIXES = (".nd2", ".czi", ".lif")
_COLOURS = ("red", "green", "blue")
_MICROSCOPE_UM = (0.005, 50.0)
"""Sides of pixels that microscopes have; else the resolution is one of printing."""
_UM_PER = {"µm": 1.0, "um": 1.0, "micron": 1.0, "microns": 1.0, "\\u00B5m": 1.0, "nm": 1e-3, "mm": 1e3, "cm": 1e4}
_UM_PER_UNIT = {tifffile.RESUNIT.INCH: 25400.0, tifffile.RESUNIT.CENTIMETER: 10000.0}


@dataclass(frozen=True)
class MicroscopeFile:
    """What one file holds.

    Attributes:
        planes: One a channel.
        names: Name of each plane as the file tells it, else its number from 1.
        pixel_um: Side of a pixel, µm; NaN where the file does not tell.
    """

    planes: UInt8[np.ndarray, "channel height width"] | UInt16[np.ndarray, "channel height width"]
    names: tuple[str, ...]
    pixel_um: float


def read_microscope_file(path: Path) -> MicroscopeFile:
    """Read the planes of a file.

    Raises:
        InputError: If the format is unknown or needs a reader that is not installed, if the file is broken, of another
            depth than 8 or 16 bit, or a stack of slices or times.
    """
    suffix = path.suffix.lower()
    if suffix in TIFF_SUFFIXES:
        return _read_tiff(path)
    if suffix == ".png":
        return _read_png(path)
    if suffix in PROPRIETARY_SUFFIXES:
        from hpa.formats.bioio_files import read_proprietary_file  # an optional extra

        return read_proprietary_file(path)
    raise InputError(
        f"{path}: {suffix or 'a file without suffix'} is no format of images that is read here; export it as OME-TIFF "
        "with the microscope's program or Fiji (File > Save As > OME-TIFF)."
    )


def named_planes(
    path: Path, pixels: Shaped[np.ndarray, "*axes"], axes: str, names: list[str], pixel_um: float
) -> MicroscopeFile:
    """Return the planes of an array whose axes are told as letters: Y X, C or S for channels, Z T and others.

    Raises:
        InputError: If it is a stack, or of another depth than 8 or 16 bit.
    """
    deep = {axis: size for axis, size in zip(axes, pixels.shape, strict=True) if axis not in "CSYX" and size > 1}
    if deep:
        told = ", ".join(f"{size} along {axis}" for axis, size in deep.items())
        raise InputError(
            f"{path}: one plane a channel is expected, came {told}; project or pick one (Fiji: Stacks > Z Project)."
        )
    if pixels.dtype not in (np.uint8, np.uint16):
        raise InputError(f"{path}: 8 or 16 bit are expected, came {pixels.dtype}; convert it in Fiji (Image > Type).")
    flat = pixels.squeeze(tuple(place for place, axis in enumerate(axes) if axis not in "CSYX"))
    letters = [axis for axis in axes if axis in "CSYX"]
    front = [place for place, axis in enumerate(letters) if axis in "CS"]
    flat = flat.transpose(*front, letters.index("Y"), letters.index("X"))
    planes = flat.reshape(-1, *flat.shape[-2:])  # (channel, height, width)
    told_names = names if len(names) == len(planes) else [str(number) for number in range(1, len(planes) + 1)]
    return MicroscopeFile(np.ascontiguousarray(planes), tuple(told_names), pixel_um)


def _read_png(path: Path) -> MicroscopeFile:
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED) if path.is_file() else None
    if pixels is None:
        raise InputError(f"{path}: cannot be read as PNG, the file is missing or broken; export it again.")
    if pixels.ndim == 2:
        return named_planes(path, pixels, "YX", [], math.nan)
    return named_planes(path, pixels[..., len(_COLOURS) - 1 :: -1], "YXS", list(_COLOURS), math.nan)


def _read_tiff(path: Path) -> MicroscopeFile:
    try:
        with tifffile.TiffFile(path) as tiff:
            series = tiff.series[0]
            pixels, axes = series.asarray(maxworkers=1), series.axes
            is_colour = tiff.pages.first.photometric == tifffile.PHOTOMETRIC.RGB
            names, pixel_um = _told(tiff)
    except FileNotFoundError as error:
        raise InputError(f"{path}: the file is missing; check the path.") from error
    except BROKEN as error:
        raise damaged(path, str(error)) from error
    if is_colour and axes.endswith("S"):
        pixels, names = pixels[..., : len(_COLOURS)], list(_COLOURS)
    # plain stacks of pages (I, Q) are taken for channels: a microscope that means slices says so
    return named_planes(path, pixels, axes.replace("I", "C").replace("Q", "C"), names, pixel_um)


def _told(tiff: tifffile.TiffFile) -> tuple[list[str], float]:
    """Return names of channels ([] where untold) and the side of a pixel (NaN)."""
    if tiff.ome_metadata:
        return _told_by_ome(tiff.ome_metadata)
    if tiff.imagej_metadata:
        unit = str(tiff.imagej_metadata.get("unit", ""))
        return [], _plausible(_UM_PER.get(unit, math.nan) * _side_of(tiff.pages.first))
    if tiff.stk_metadata:
        return [], _plausible(float(tiff.stk_metadata.get("XCalibration", math.nan)))
    page = tiff.pages.first
    tag = page.tags.get("ResolutionUnit")
    return [], _plausible(_side_of(page) * (math.nan if tag is None else _UM_PER_UNIT.get(tag.value, math.nan)))


def _told_by_ome(text: str) -> tuple[list[str], float]:
    image: Any = tifffile.xml2dict(text).get("OME", {}).get("Image", {})
    pixels = (image[0] if isinstance(image, list) else image).get("Pixels", {})
    channels = pixels.get("Channel", [])
    names = [str(channel.get("Name", "")) for channel in (channels if isinstance(channels, list) else [channels])]
    per_unit = _UM_PER.get(str(pixels.get("PhysicalSizeXUnit", "µm")), math.nan)
    side_um = float(pixels.get("PhysicalSizeX", math.nan)) * per_unit
    return names if all(names) and len(set(names)) == len(names) else [], _plausible(side_um)


def _side_of(page: Any) -> float:
    """Return the side of a pixel in the file's unit."""
    tag = page.tags.get("XResolution")
    dots, length = tag.value if tag is not None else (0, 1)
    return length / dots if dots else math.nan


def _plausible(side_um: float) -> float:
    return side_um if _MICROSCOPE_UM[0] <= side_um <= _MICROSCOPE_UM[1] else math.nan
