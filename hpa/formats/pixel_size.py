"""Side of a pixel in µm, from whatever a program writes into its files; NaN where nothing can be trusted.

OME-XML, ImageJ, MetaMorph, LSM and Micro-Manager write it in units of length and are taken. The resolution tags of
plain TIFF and PNG files are for printers: 72 to 4800 dots per inch would be pixels of 353 to 5.3 µm, which no objective
for cells makes, so they count as unknown.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import tifffile

from hpa.core.field import MICROSCOPE_UM

SizeUm = tuple[float, float]
"""Height and width of a pixel, µm; NaN where unknown."""
UNKNOWN: SizeUm = (math.nan, math.nan)

_MAX_PRINTED_DPI = 4800.0
_UM_PER_INCH, _UM_PER_CM = 25400.0, 10000.0
_UM_PER_UNIT = {
    **dict.fromkeys(
        ("µm", "μm", "âµm", "um", "micron", "microns", "micrometer", "micrometre", "\\u00b5m", "\\u03bcm"), 1.0
    ),
    **dict.fromkeys(("nm", "nanometer", "nanometre"), 1e-3),
    **dict.fromkeys(("mm", "millimeter", "millimetre"), 1e3),
    **dict.fromkeys(("cm", "centimeter", "centimetre"), 1e4),
    **dict.fromkeys(("m", "meter", "metre"), 1e6),
    **dict.fromkeys(("å", "angstrom", "ångström"), 1e-4),
    **dict.fromkeys(("pm", "picometer", "picometre"), 1e-6),
    **dict.fromkeys(("in", "inch", "inches"), _UM_PER_INCH),
}
_UNITS_OF_PRINTERS = ("cm", "in", "inch", "inches")
"""Units that ImageJ takes over from resolution tags."""
_MICROMANAGER_TAG = 51123
_CALIBRATION = re.compile(r'"spatial-calibration-(x|y|units|state)"[^>]*\bvalue="([^"]*)"')
"""What MetaXpress and MetaMorph write into the description of a TIFF."""


def size_um(height: object, width: object, unit: str, height_unit: str | None = None) -> SizeUm:
    """Return a size that is given in a unit of length; NaN for other units and sizes that no microscope has.

    Args:
        height: Of a pixel.
        width: Of a pixel.
        unit: What they are given in.
        height_unit: What the height is given in where that is another unit.
    """
    units = (unit if height_unit is None else height_unit, unit)
    factors = [_UM_PER_UNIT.get(name.strip().lower(), math.nan) for name in units]
    sides = [_plausible(factor * _number(side)) for factor, side in zip(factors, (height, width), strict=True)]
    known = next((side for side in sides if not math.isnan(side)), math.nan)  # where one side is missing: square pixels
    return (known if math.isnan(sides[0]) else sides[0], known if math.isnan(sides[1]) else sides[1])


def size_of_page(tiff: tifffile.TiffFile, page: tifffile.TiffPage) -> SizeUm:
    """Return the size that the tags of a TIFF file give, without its OME-XML."""
    if tiff.is_imagej:
        metadata: Mapping[str, Any] = tiff.imagej_metadata or {}
        unit = str(metadata.get("unit", ""))
        size = size_um(_side(page, "YResolution"), _side(page, "XResolution"), unit)
        return _unless_printed(size) if unit.strip().lower() in _UNITS_OF_PRINTERS else size
    if tiff.is_stk and tiff.stk_metadata:
        stk = tiff.stk_metadata
        return size_um(stk.get("YCalibration"), stk.get("XCalibration"), str(stk.get("CalibrationUnits") or "um"))
    if tiff.is_lsm and tiff.lsm_metadata:
        return size_um(tiff.lsm_metadata.get("VoxelSizeY"), tiff.lsm_metadata.get("VoxelSizeX"), "m")
    if tiff.is_metaseries:
        entries = dict(_CALIBRATION.findall(tiff.pages.first.description))
        is_calibrated = entries.get("state", "on") != "off"
        return size_um(entries.get("y"), entries.get("x"), entries.get("units", "um")) if is_calibrated else UNKNOWN
    micromanager = page.tags.valueof(_MICROMANAGER_TAG)
    if isinstance(micromanager, Mapping):
        side = micromanager.get("PixelSizeUm", micromanager.get("PixelSize_um"))
        return size_um(side, side, "um")
    return _size_of_resolution(page)


def side_of(size: SizeUm) -> float:
    """Return the side of a square pixel of the same area, µm."""
    return math.sqrt(size[0] * size[1])


def not_square(size: SizeUm) -> list[str]:
    """Return in words what is taken where height and width differ by more than 1 %, nothing where they agree.

    >>> not_square((0.6, 0.3)), not_square((0.3, 0.3)), not_square(UNKNOWN)
    (['pixels of 0.3 × 0.6 µm (x × y) are not square; 0.4243 µm is taken'], [], [])
    """
    height, width = size
    if not abs(height / width - 1) > 0.01:
        return []
    return [f"pixels of {width:g} × {height:g} µm (x × y) are not square; {side_of(size):.4g} µm is taken"]


def _size_of_resolution(page: tifffile.TiffPage) -> SizeUm:
    """Return the size in the resolution tags, unless a printer's."""
    unit = {tifffile.RESUNIT.INCH: _UM_PER_INCH, tifffile.RESUNIT.CENTIMETER: _UM_PER_CM}.get(
        page.tags.valueof("ResolutionUnit"), math.nan
    )
    size = (unit * _side(page, "YResolution"), unit * _side(page, "XResolution"))
    return _unless_printed(size_um(*size, "um"))


def _unless_printed(size: SizeUm) -> SizeUm:
    is_printed = any(side >= _UM_PER_INCH / _MAX_PRINTED_DPI * (1 - 1e-6) for side in size)
    return UNKNOWN if is_printed else size


def _side(page: tifffile.TiffPage, tag: str) -> float:
    """Return the side of a pixel in the unit of the file."""
    value = page.tags.valueof(tag)
    if not isinstance(value, tuple) or len(value) != 2:
        return math.nan
    dots, length = value
    return length / dots if dots else math.nan


def _number(value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]  # whatever a file holds
    except (TypeError, ValueError):
        return math.nan


def _plausible(side_um: float) -> float:
    return side_um if MICROSCOPE_UM[0] <= side_um <= MICROSCOPE_UM[1] else math.nan
