"""From masks in the frames of their boxes to a label map: each mask is resized inside its own box, never on the image.

Memory is that of the label map and of one box, however many instances there are. A pixel belongs to a box if its centre
does, and is interpolated between the mask's pixel centres (bilinear): masks are placed to a fraction of a pixel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int32, Int64

from hpa.core.errors import InputError


@dataclass(frozen=True)
class MaskPasting:
    """Which instance gets a pixel that several cover, and which instances are kept.

    Attributes:
        threshold: Probability from which a pixel belongs to an instance, in (0, 1).
        min_px: Instances with fewer pixels are dropped, >= 1.
        min_share: Instances that keep a smaller share of the pixels of their mask are dropped, in [0, 1]: a second
            detection of a cell, for example of another class, would otherwise leave a rim around the first.

    Raises:
        InputError: If a number is out of its range.
    """

    threshold: float
    min_px: int
    min_share: float

    def __post_init__(self) -> None:
        if not (0 < self.threshold < 1 and self.min_px >= 1 and 0 <= self.min_share <= 1):
            raise InputError(
                "model.pasting: threshold must lie between 0 and 1, min_px be 1 or more and min_share lie in "
                f"[0, 1]; came {self.threshold}, {self.min_px}, {self.min_share}."
            )

    def paste(
        self,
        boxes: Float32[np.ndarray, "instance 4"],
        masks: Float32[np.ndarray, "instance side side"],
        height: int,
        width: int,
    ) -> tuple[Int32[np.ndarray, "height width"], Int64[np.ndarray, " kept"]]:
        """Return the label map, and which instance each number 1..n is; the first instance takes pixels first.

        Args:
            boxes: x0, y0, x1, y1 in px.
            masks: Probabilities in the frame of each box.
            height: Of the image, in px.
            width: Of the image, in px.
        """
        label_map = np.zeros((height, width), np.int32)
        kept: list[int] = []
        for instance, (box, mask) in enumerate(zip(boxes.tolist(), masks, strict=True)):
            rows, columns = _pixels(box[1], box[3], height), _pixels(box[0], box[2], width)
            if rows.start >= rows.stop or columns.start >= columns.stop:
                continue
            window = label_map[rows, columns]
            covered = _enlarged(mask, box, rows, columns) >= self.threshold
            owned = covered & (window == 0)
            if self._is_kept(owned, covered):
                kept.append(instance)
                window[owned] = len(kept)
        return label_map, np.array(kept, np.int64)

    def _is_kept(self, owned: Bool[np.ndarray, "rows columns"], covered: Bool[np.ndarray, "rows columns"]) -> bool:
        area_px = np.count_nonzero(owned)
        return bool(area_px >= self.min_px and area_px >= self.min_share * np.count_nonzero(covered))


def _pixels(start: float, stop: float, size: int) -> slice:
    """Return the pixels of a row or column whose centres lie in [start, stop) and in the image."""
    return slice(max(0, math.ceil(start - 0.5)), min(size, math.ceil(stop - 0.5)))


def _enlarged(
    mask: Float32[np.ndarray, "side side"], box: list[float], rows: slice, columns: slice
) -> Float32[np.ndarray, "rows columns"]:
    """Return the mask resized to the pixels of its box."""
    left, top, right, bottom = box
    across, down = mask.shape[1] / (right - left), mask.shape[0] / (bottom - top)  # mask pixels a pixel
    # Pixel centres lie half a pixel from the edges, on both sides; cv2 counts from the centre of the first pixel.
    to_mask = np.array(
        [
            [across, 0, (columns.start + 0.5 - left) * across - 0.5],
            [0, down, (rows.start + 0.5 - top) * down - 0.5],
        ]
    )
    size = (columns.stop - columns.start, rows.stop - rows.start)
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(mask, to_mask, size, flags=how, borderMode=cv2.BORDER_REPLICATE)
