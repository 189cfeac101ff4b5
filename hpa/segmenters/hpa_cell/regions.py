"""Masks, their connected components and floods between them: the steps that both modes share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Int32, Int64, Shaped, UInt8
from scipy import ndimage
from skimage.segmentation import watershed

Mask = Bool[np.ndarray, "height width"]
LabelMap = Int32[np.ndarray, "height width"]
Plane = UInt8[np.ndarray, "height width"]

CROSS = ndimage.generate_binary_structure(2, 1)
"""A pixel and its 4 neighbours."""
SQUARE = ndimage.generate_binary_structure(2, 2)
"""A pixel and its 8 neighbours."""
_WINDOW_PX = 1 << 15
"""To flood a piece apart costs as much as so many pixels more in a flood of everything."""


def components_of(mask: Mask, connectivity: Bool[np.ndarray, "3 3"]) -> LabelMap:
    """Return the connected components of a mask, numbered 1..n as they are met row by row."""
    pieces = np.zeros(mask.shape, np.int32)
    ndimage.label(mask, connectivity, output=pieces)
    return pieces


@dataclass(frozen=True)
class _Runs:
    """A label map as runs of equal pixels along its rows, as counting and renumbering regions need it.

    Regions are many pixels wide: there are far fewer runs than pixels.
    """

    shape: tuple[int, ...]
    labels: Int32[np.ndarray, " run"]
    lengths: Int64[np.ndarray, " run"]

    @classmethod
    def of(cls, label_map: LabelMap) -> _Runs:
        pixels = label_map.ravel()
        starts = np.concatenate([[0], np.flatnonzero(pixels[1:] != pixels[:-1]) + 1])
        return cls(label_map.shape, pixels[starts], np.diff(starts, append=pixels.size))

    def areas(self) -> Int64[np.ndarray, " label"]:
        """Return the pixels of each label from 0 on."""
        return np.bincount(self.labels, self.lengths).astype(np.int64)

    def mapped(self, values: Shaped[np.ndarray, " label"]) -> Shaped[np.ndarray, "height width"]:
        """Return the map with a value in place of each label."""
        return np.repeat(values[self.labels], self.lengths).reshape(self.shape)


def without_small(label_map: LabelMap, min_px: int) -> LabelMap:
    """Return the map without the regions of fewer pixels; the others keep their numbers."""
    runs = _Runs.of(label_map)
    areas = runs.areas()
    kept = np.where(areas >= min_px, np.arange(len(areas)), 0).astype(np.int32)
    kept[0] = 0
    return runs.mapped(kept)


def large_of(mask: Mask, connectivity: Bool[np.ndarray, "3 3"], min_px: int) -> Mask:
    """Return the mask without its connected components of fewer pixels."""
    runs = _Runs.of(_pieces(mask, connectivity))
    kept = runs.areas() >= min_px
    kept[0] = False
    return runs.mapped(kept)


def holes_filled(mask: Mask, min_px: int | None = None) -> Mask:
    """Return the mask with its holes filled.

    Args:
        mask: What has holes.
        min_px: Holes of so many pixels stay, and holes at the edge of the image are holes too. None: holes of any size
            are filled that do not touch the edge.
    """
    pieces = _pieces(~mask, CROSS)
    runs = _Runs.of(pieces)
    areas = runs.areas()
    if min_px is None:
        filled = np.ones(len(areas), bool)
        for edge in (pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1]):
            filled[edge] = False
    else:
        filled = areas < min_px
    filled[0] = True
    return runs.mapped(filled)


def _pieces(mask: Mask, connectivity: Bool[np.ndarray, "3 3"]) -> LabelMap:
    """Return the connected components of a mask, numbered in any order; faster than `components_of`."""
    return cv2.connectedComponents(mask.view(np.uint8), connectivity=8 if connectivity[0, 0] else 4)[1]


def flooded(height: Plane, markers: LabelMap, mask: Mask) -> LabelMap:
    """Return the markers grown over the mask, highest pixels first, 4 neighbours, no lines left between them.

    Only what two markers can reach is flooded: Meyer's algorithm (1991) costs several hundred ns a pixel. This can
    change nothing but ties: which of several markers on one level comes first.
    """
    grown, pieces, contested = _grown_alone(markers, mask)
    for window, inside in _windows(pieces, contested):
        touching = _dilated(inside) & (markers[window] > 0) & mask[window]
        found = watershed(-height[window].astype(np.int16), markers[window], mask=inside | touching)  # type: ignore[no-untyped-call]  # has no types
        grown[window][inside] = found[inside]
    return grown


def _windows(
    pieces: LabelMap, contested: Int32[np.ndarray, " contested"]
) -> Iterator[tuple[tuple[slice, ...], Bool[np.ndarray, "window_height window_width"]]]:
    """Yield rectangles of the map and the pixels to flood in each: a piece at a time, or all where pieces are many."""
    if len(contested) * _WINDOW_PX > pieces.size:
        flood = np.zeros(int(pieces.max()) + 1, bool)
        flood[contested] = True
        yield (slice(None), slice(None)), flood[pieces]
        return
    rectangles = ndimage.find_objects(pieces) if len(contested) else []
    for number in contested.tolist():
        # a pixel more on each side, for the markers that touch the piece
        window = tuple(slice(max(0, side.start - 1), side.stop + 1) for side in rectangles[number - 1])
        yield window, pieces[window] == number


def split_by_lines(markers: LabelMap, mask: Mask) -> LabelMap:
    """Return the markers grown over the mask at equal speed, a line of background left where two meet."""
    grown, _, contested = _grown_alone(markers, mask)
    if not len(contested):
        return grown
    # On a flat plane all are ties: the lines are those of the original only where everything is flooded at once.
    flat = np.zeros(mask.shape, np.uint8)
    return watershed(flat, markers, mask=mask, watershed_line=True).astype(np.int32)  # type: ignore[no-untyped-call]  # has no types


def _grown_alone(markers: LabelMap, mask: Mask) -> tuple[LabelMap, LabelMap, Int32[np.ndarray, " contested"]]:
    """Return the markers grown over what no other can reach, and what is left.

    The mask without markers falls into pieces. One that touches a single marker becomes that marker's.

    Returns:
        The grown markers, the numbered pieces, and the numbers of the pieces that several markers touch.
    """
    grown = np.where(mask, markers, 0)
    free = mask & (grown == 0)
    pieces = _pieces(free, CROSS)
    row, column = np.nonzero(_dilated(free) & ~free & mask)
    around = cv2.copyMakeBorder(pieces, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    touched = np.concatenate([around[row + down, column + right] for down, right in ((0, 1), (1, 0), (1, 2), (2, 1))])
    label = np.tile(grown[row, column], 4)
    runs = _Runs.of(pieces)
    owners = np.zeros(int(runs.labels.max(initial=0)) + 1, np.int32)
    owners[touched] = label
    contested = np.unique(touched[(owners[touched] != label) & (touched > 0)])
    owners[contested] = 0
    owners[0] = 0
    grown += runs.mapped(owners)
    return grown, pieces, contested


def _dilated(mask: Mask) -> Mask:
    return cv2.dilate(mask.view(np.uint8), CROSS.view(np.uint8)).view(bool)


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
    # OpenCV has no morphology of int32; float32 is exact up to 2^24 regions
    if label_map.max(initial=0) <= np.iinfo(np.uint16).max:
        return cv2.morphologyEx(label_map.astype(np.uint16), cv2.MORPH_CLOSE, disc).astype(np.int32)
    return cv2.morphologyEx(label_map.astype(np.float32), cv2.MORPH_CLOSE, disc).astype(np.int32)
