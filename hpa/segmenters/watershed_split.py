"""Splits touching round objects at their waists: a watershed of the distance map, then merging over shallow saddles.

Every maximum of the distance map starts a region; two regions are one object where the saddle between them is nearly as
high as the lower maximum. This is the idea of h-maxima with a height relative to the object's own size, so that small
and large nuclei are treated alike.
"""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int32, Int64
from skimage.segmentation import watershed

from hpa.core.label_map import relabel


def split_touching(
    mask: Bool[np.ndarray, "height width"], summit_px: float, merge_share: float
) -> Int32[np.ndarray, "height width"]:
    """Return the parts of a mask, numbered 1..n; a speck next to a deeper object, within `summit_px`, is left out.

    Args:
        mask: Foreground.
        summit_px: Radius within which a maximum must be the highest; the distance map is smoothed over about half of
            it.
        merge_share: Parts stay merged where the saddle is at least this share of the lower maximum, 0 to 1.
    """
    # repeating the border keeps objects cut by the image's edge as thick as they are
    padded = np.pad(mask.view(np.uint8), 1, mode="edge")
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1]
    depth = cv2.GaussianBlur(depth, (0, 0), max(1.0, 0.6 * summit_px)) * mask
    window = 2 * max(1, round(summit_px)) + 1
    summits = (depth == cv2.dilate(depth, np.ones((window, window), np.uint8))) & mask
    _, seeds = cv2.connectedComponents(summits.view(np.uint8), connectivity=8)
    parts = watershed(-depth, seeds, mask=mask).astype(np.int32)  # type: ignore[no-untyped-call]  # has no types
    return _merged(parts, depth, merge_share)


def _merged(
    parts: Int32[np.ndarray, "height width"], depth: Float32[np.ndarray, "height width"], merge_share: float
) -> Int32[np.ndarray, "height width"]:
    """Return the parts after those with shallow saddles were merged, highest saddle first."""
    count = int(parts.max(initial=0))
    summit = np.zeros(count + 1, np.float32)
    np.maximum.at(summit, parts.ravel(), depth.ravel())
    pairs, saddles = _saddles(parts, depth)
    owner = list(range(count + 1))
    for index in np.argsort(-saddles, kind="stable").tolist():
        lower, higher = sorted((_root(owner, part) for part in pairs[index].tolist()), key=lambda part: summit[part])
        if lower != higher and saddles[index] >= merge_share * summit[lower]:
            owner[lower] = higher
    roots = np.array([_root(owner, part) for part in range(count + 1)], np.int32)
    return relabel(roots[parts])


def _root(owner: list[int], part: int) -> int:
    while owner[part] != part:
        part = owner[part]
    return part


def _saddles(
    parts: Int32[np.ndarray, "height width"], depth: Float32[np.ndarray, "height width"]
) -> tuple[Int64[np.ndarray, "pair 2"], Float32[np.ndarray, " pair"]]:
    """Return which parts touch, and the greatest depth at which one can cross from one to the other."""
    touching, heights = [], []
    for here, there in (((slice(None), slice(-1)), (slice(None), slice(1, None))), (slice(-1), slice(1, None))):
        one, other = parts[here], parts[there]
        border = (one != other) & (one > 0) & (other > 0)
        touching.append(np.stack([np.minimum(one, other)[border], np.maximum(one, other)[border]], axis=1))
        heights.append(np.minimum(depth[here], depth[there])[border])
    pairs, index = np.unique(np.concatenate(touching), axis=0, return_inverse=True)
    saddles = np.zeros(len(pairs), np.float32)
    np.maximum.at(saddles, index.ravel(), np.concatenate(heights))
    return pairs.astype(np.int64), saddles
