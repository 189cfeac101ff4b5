"""Masks, their connected components and floods between them: the steps that both modes share."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, Int32, UInt8
from scipy import ndimage
from skimage.segmentation import watershed

Mask = Bool[np.ndarray, "height width"]
LabelMap = Int32[np.ndarray, "height width"]
Plane = UInt8[np.ndarray, "height width"]

CROSS = ndimage.generate_binary_structure(2, 1)
"""A pixel and its 4 neighbours."""
SQUARE = ndimage.generate_binary_structure(2, 2)
"""A pixel and its 8 neighbours."""


def components_of(mask: Mask, connectivity: Bool[np.ndarray, "3 3"]) -> LabelMap:
    """Return the connected components of a mask, numbered 1..n as they are met row by row."""
    pieces = np.zeros(mask.shape, np.int32)
    ndimage.label(mask, connectivity, output=pieces)
    return pieces


def without_small(label_map: LabelMap, min_px: int) -> LabelMap:
    """Return the map without the regions of fewer pixels; the others keep their numbers."""
    areas = np.bincount(label_map.ravel(), minlength=1)
    kept = np.where(areas >= min_px, np.arange(len(areas)), 0).astype(np.int32)
    kept[0] = 0
    return kept[label_map]


def holes_filled(mask: Mask, min_px: int) -> Mask:
    """Return the mask with its holes of fewer pixels filled; holes at the edge of the image are holes too."""
    return without_small(components_of(~mask, CROSS), min_px) == 0


def flooded(height: Plane, markers: LabelMap, mask: Mask) -> LabelMap:
    """Return the markers grown over the mask, highest pixels first, 4 neighbours, no lines left between them.

    Pixels inside a marker cannot grow. They stay out of the flood, which makes it several times faster (Meyer's
    algorithm, 1991, costs most where it queues) and can change nothing but ties.
    """
    interior = (markers > 0) & ~_can_grow(markers, mask)
    grown = watershed(-height.astype(np.int16), np.where(interior, 0, markers), mask=mask & ~interior)  # type: ignore[no-untyped-call]  # has no types
    return np.where(interior & mask, markers, grown).astype(np.int32)


def split_by_lines(markers: LabelMap, mask: Mask) -> LabelMap:
    """Return the markers grown over the mask at equal speed, a line of background left where two meet."""
    flat = np.zeros(mask.shape, np.uint8)
    return watershed(flat, markers, mask=mask, watershed_line=True).astype(np.int32)  # type: ignore[no-untyped-call]  # has no types


def inner_of(label_map: LabelMap) -> Mask:
    """Return the regions without the pixels that have another region or background among their 4 neighbours."""
    inner = label_map > 0
    for axis in (0, 1):
        lower, upper = (np.moveaxis(array, axis, 0) for array in (inner, label_map))
        differs = upper[1:] != upper[:-1]
        lower[1:] &= ~differs
        lower[:-1] &= ~differs
    return inner


def closed(label_map: LabelMap, radius_px: int) -> LabelMap:
    """Return the map after a grey closing with a disc: a narrow gap between two regions takes the lower number."""
    reach = np.arange(-radius_px, radius_px + 1)
    disc = (reach[:, None] ** 2 + reach**2 <= radius_px**2).astype(np.uint8)
    numbers = label_map.astype(np.float32)  # exact up to 2^24 regions; OpenCV has no morphology of int32
    return cv2.morphologyEx(numbers, cv2.MORPH_CLOSE, disc).astype(np.int32)


def _can_grow(markers: LabelMap, mask: Mask) -> Mask:
    """Return the pixels that have a neighbour in the mask which is not of their marker."""
    outline = np.zeros(mask.shape, bool)
    for axis in (0, 1):
        found, numbers, inside = (np.moveaxis(array, axis, 0) for array in (outline, markers, mask))
        differs = numbers[1:] != numbers[:-1]
        found[1:] |= differs & inside[:-1]
        found[:-1] |= differs & inside[1:]
    return outline
