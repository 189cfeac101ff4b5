"""One single-cell crop on disk: its planes, and which of its pixels are the cell."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, UInt8, UInt16
from scipy import ndimage

from hpa.core.errors import InputError
from hpa.formats.image_header import check_size
from hpa.formats.images import read_image
from hpa.formats.label_maps import read_label_map

NPY_SUFFIX = ".npy"
SUFFIXES: tuple[str, ...] = (".png", ".tif", ".tiff", NPY_SUFFIX)
MAX_CHANNELS = 4
_MIN_CELL_PX = 16
_DISC_SHARE = 0.95  # of the crop's sides: a disc that does not touch the border
_MIN_BLACK_SHARE = 0.02  # of a crop whose outside was set to zero

Planes = UInt8[np.ndarray, "channel height width"] | UInt16[np.ndarray, "channel height width"]


@dataclass(frozen=True)
class CropPixels:
    """A crop in memory; the mask marks the pixels of the cell."""

    planes: Planes
    mask: Bool[np.ndarray, "height width"]


def read_crop(path: Path, mask_path: Path | None) -> CropPixels:
    """Read a crop and its mask.

    Without a file the mask is what is not black, where the outside of the cell was set to zero in all channels, else
    the ellipse that fills the crop.

    Raises:
        InputError: If a file cannot be read, has more than four channels, or the mask has another size or no cell.
    """
    planes = _read_npy(path) if path.suffix.lower() == NPY_SUFFIX else read_image(path).planes
    if len(planes) > MAX_CHANNELS:
        raise InputError(f"has {len(planes)} channels, at most {MAX_CHANNELS} are expected; choose those you need.")
    mask = _mask_of(planes) if mask_path is None else read_label_map(mask_path) > 0
    if mask.shape != planes.shape[1:]:
        height, width = mask.shape
        raise InputError(f"{mask_path} has {width}x{height} px, the crop {planes.shape[2]}x{planes.shape[1]}.")
    if np.count_nonzero(mask) < _MIN_CELL_PX:
        raise InputError(f"its cell has {np.count_nonzero(mask)} px, {_MIN_CELL_PX} or more are expected.")
    return CropPixels(planes, mask)


def _read_npy(path: Path) -> Planes:
    """Read an array of (height, width), (height, width, channel) or (channel, height, width); never a pickle."""
    try:
        array = np.lib.format.open_memmap(path, mode="r")  # np.load would open archives too
        check_size(path, array.size)
        pixels = np.array(array)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"cannot be read as an array ({error}); save it with numpy.save, no objects.") from error
    if pixels.dtype not in (np.uint8, np.uint16):
        raise InputError(f"its values are {pixels.dtype}; uint8 or uint16 is expected.")
    if pixels.ndim == 2:
        return pixels[None]
    if pixels.ndim == 3 and pixels.shape[2] <= MAX_CHANNELS:
        return np.ascontiguousarray(np.moveaxis(pixels, 2, 0))
    if pixels.ndim == 3 and pixels.shape[0] <= MAX_CHANNELS:
        return pixels
    raise InputError(f"has the shape {pixels.shape}; (height, width) with up to {MAX_CHANNELS} channels is expected.")


def _mask_of(planes: Planes) -> Bool[np.ndarray, "height width"]:
    """Return what is not black of a crop that was masked, else an ellipse."""
    bright = planes.max(axis=0) > 0
    border = np.concatenate([bright[[0, -1]].ravel(), bright[:, [0, -1]].ravel()])
    if border.mean() < 0.5 and np.mean(~bright) > _MIN_BLACK_SHARE:
        return _largest(ndimage.binary_fill_holes(ndimage.binary_closing(bright, iterations=2) | bright))
    height, width = bright.shape
    ellipse = np.zeros((height, width), np.uint8)
    axes = (max(1, int(_DISC_SHARE * width / 2)), max(1, int(_DISC_SHARE * height / 2)))
    cv2.ellipse(ellipse, (width // 2, height // 2), axes, 0, 0, 360, 1, cv2.FILLED)
    return ellipse > 0


def _largest(mask: Bool[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    parts, count = ndimage.label(mask)
    return parts == 1 + int(np.argmax(np.bincount(parts.ravel())[1:])) if count > 1 else mask
