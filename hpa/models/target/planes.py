"""Steps that the targets share: relative depth, checked probabilities, seeded floods, and instances with scores."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, Int32, Integer
from scipy.special import expit
from skimage.segmentation import watershed

from hpa.core.errors import InputError
from hpa.core.label_map import relabel
from hpa.interfaces import Instances


def relative_depth(label_map: Integer[np.ndarray, "height width"]) -> Float32[np.ndarray, "height width"]:
    """Return each pixel's distance to the edge of its instance over the largest one there; 0 in the background.

    The share does not depend on size: small and large instances have the same targets. The edge runs between pixels,
    half a pixel from the centres of those beside it. The image's own edge is none: an instance cut by it is as deep as
    its visible part.
    """
    cells = relabel(label_map)
    within = (~_beside_another(cells)).view(np.uint8)
    distance = cv2.distanceTransform(within, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # an image without any edge is equally deep everywhere, whatever OpenCV returns
    depth = np.minimum(distance, np.float32(sum(cells.shape))) + np.float32(0.5)
    deepest = np.ones(int(cells.max(initial=0)) + 1, np.float32)
    np.maximum.at(deepest, cells.ravel(), depth.ravel())
    return np.where(cells > 0, depth / deepest[cells], np.float32(0))


def _beside_another(cells: Integer[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """Return which pixels have a neighbour above, below, left or right that is not of their instance."""
    beside = np.zeros(cells.shape, bool)
    down, right = cells[1:] != cells[:-1], cells[:, 1:] != cells[:, :-1]
    beside[1:] |= down
    beside[:-1] |= down
    beside[:, 1:] |= right
    beside[:, :-1] |= right
    return beside


def probability_planes(
    logits: Float[np.ndarray, "plane height width"], plane_count: int
) -> Float32[np.ndarray, "plane height width"]:
    """Return the sigmoid of each plane.

    Raises:
        InputError: If there are more or fewer planes than the target has, or a logit is NaN.
    """
    if len(logits) != plane_count:
        raise InputError(
            f"this target is read from {plane_count} planes, the network gave {len(logits)}; "
            "read it with the target that it was trained on."
        )
    probabilities = expit(logits.astype(np.float32, copy=False))
    if np.isnan(probabilities).any():
        raise InputError("the network's output holds NaN; look for NaN in the image or in the network's weights.")
    return probabilities


def flood(
    seeds: Int32[np.ndarray, "height width"],
    relief: Float32[np.ndarray, "height width"],
    mask: Bool[np.ndarray, "height width"],
) -> Int32[np.ndarray, "height width"]:
    """Return the mask with each pixel assigned to a seed, low pixels of the relief first (seeded watershed).

    Meyer and Beucher, 1990. Most components of a mask hold one seed and are taken whole; the flood, which costs a
    hundred times as much a pixel, runs only where seeds compete.

    Args:
        seeds: 0, or the number of a seed, inside the mask; a seed may have several components.
        relief: Seeds meet on its ridges.
        mask: Its 4-connected components without any seed become background.
    """
    _, found = cv2.connectedComponents(mask.view(np.uint8), connectivity=4, ltype=cv2.CV_32S)
    components = found.astype(np.int32, copy=False)  # it is int32 already; OpenCV's type hints lack it
    seeded = seeds > 0
    lowest = np.full(int(components.max(initial=0)) + 1, np.iinfo(np.int32).max, np.int32)
    highest = np.zeros_like(lowest)
    np.minimum.at(lowest, components[seeded], seeds[seeded])
    np.maximum.at(highest, components[seeded], seeds[seeded])
    contested = lowest < highest
    regions = np.where(contested, 0, highest)[components]
    if contested.any():
        where = contested[components]
        # only the rim of a seed meets others; its interior, most of a mask, need not pass through the flood
        rim = cv2.dilate((~seeded).view(np.uint8), np.ones((3, 3), np.uint8)).view(bool)
        grown = watershed(relief, seeds * where * rim, mask=where & rim)  # type: ignore[no-untyped-call]  # no types
        regions += np.where(rim, grown, seeds * where).astype(np.int32)
    return regions


def scored_instances(
    regions: Int32[np.ndarray, "height width"], inside: Float32[np.ndarray, "height width"], min_area_px: int
) -> Instances:
    """Return the regions as instances of class 0, their mean probability as score.

    Args:
        regions: 0 background, else the number of a region; gaps are closed.
        inside: Probability that a pixel belongs to any instance.
        min_area_px: Smaller regions are dropped.
    """
    areas = np.bincount(regions.ravel(), minlength=1)
    label_map = relabel(np.where(areas[regions] >= min_area_px, regions, 0))
    totals = np.bincount(label_map.ravel(), weights=inside.ravel(), minlength=1)[1:]
    areas = np.bincount(label_map.ravel(), minlength=1)[1:]
    return Instances(label_map, np.zeros(len(areas), np.int64), (totals / areas).astype(np.float32))
