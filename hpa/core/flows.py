"""Label maps as flows and back: every pixel of a cell points the way to the cell's centre (Cellpose).

A network can learn flows where cells touch, for they are smooth inside a cell and reverse at its border; following
them brings all pixels of a cell together (Stringer et al., Nature Methods 18:100, 2021). The flows are those of
Cellpose, to a mean direction cosine of 0.999 and more.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Float32, Int32, Integer
from scipy import ndimage

from hpa.core.errors import InputError
from hpa.core.flows_heat import heat_of
from hpa.core.flows_sinks import cells_of
from hpa.core.label_map import relabel

PROBABILITY_OF_CELL = 0.5
MAX_ERROR = 0.4
"""Cellpose's own limit to the mean squared difference between given flows and those of a cell."""
OPPOSITE_ERROR = 4.0
"""The error where flows are opposite; to check for it takes as long as to find the cells."""
MIN_AREA_PX = 4
NETWORK_SCALE = 5.0
"""Factor of the flows that a network predicts (Cellpose's convention): unscaled they weigh little beside the mask."""


def flows_of(label_map: Integer[np.ndarray, "height width"]) -> Float32[np.ndarray, "2 height width"]:
    """Return for each pixel the unit vector (y, x) that leads to the centre of its cell; 0 in the background.

    The flow is the gradient of heat that spreads from the centre; it is 0 in pixels that no heat reaches (parts of a
    cell apart from the one with its centre). To equal Cellpose's targets, the gradient at the border of two cells reads
    the heat of both.

    Raises:
        InputError: If a number is negative.
    """
    cells = relabel(label_map)
    heat = np.pad(heat_of(cells), 1)
    slope = np.stack([heat[2:, 1:-1] - heat[:-2, 1:-1], heat[1:-1, 2:] - heat[1:-1, :-2]]) * (cells > 0)
    steepness = np.hypot(slope[0], slope[1])
    return np.divide(slope, steepness, out=np.zeros_like(slope), where=steepness > 0)


def label_map_from(
    flows: Float[np.ndarray, "2 height width"],
    probability: Float[np.ndarray, "mask_height mask_width"] | Bool[np.ndarray, "mask_height mask_width"],
    *,
    min_probability: float = PROBABILITY_OF_CELL,
    max_error: float = MAX_ERROR,
    min_area_px: int = MIN_AREA_PX,
) -> Int32[np.ndarray, "height width"]:
    """Return the label map whose pixels flow together, cells numbered 1..n.

    Args:
        flows: Vectors (y, x) of about unit length (a Cellpose network's output divided by 5).
        probability: That a pixel belongs to any cell; or a mask.
        min_probability: Pixels at or below it are background.
        max_error: Cells are dropped whose own flows differ more from the given ones (mean squared length of the
            difference); random flows reach about 2. From 4 on, that of opposite unit vectors, none is dropped.
        min_area_px: Smaller cells are dropped.

    Raises:
        InputError: If flows and probabilities differ in size, or flows are not finite.
    """
    if flows.shape[1:] != probability.shape:
        raise InputError(
            f"flows and probabilities of one image have one size, came {flows.shape[1:]} and {probability.shape} "
            "(height, width)."
        )
    inside = probability > min_probability if probability.dtype != np.bool_ else probability
    moving = np.where(inside, flows, 0).astype(np.float32)
    if not np.isfinite(moving).all():
        raise InputError("flows hold NaN or infinite values; look for them in the image or the network's weights.")
    cells = relabel(cells_of(moving, inside))
    areas = np.bincount(cells.ravel())
    kept = areas >= min_area_px
    if max_error < OPPOSITE_ERROR:
        kept &= flow_errors(cells, moving) <= max_error
    kept[0] = False
    return relabel(np.where(kept[cells], cells, 0))


def flow_errors(
    cells: Int32[np.ndarray, "height width"], flows: Float32[np.ndarray, "2 height width"]
) -> Float[np.ndarray, " number"]:
    """Return for background (always 0) and each cell 1..n how far its own flows are from the given ones.

    The error is the mean over the cell of the squared length of the difference: 0 to 4 for unit vectors.
    """
    difference = ((flows_of(cells) - flows) ** 2).sum(axis=0)
    count = int(cells.max(initial=0)) + 1
    errors = np.zeros(count)
    if count > 1:
        errors[1:] = ndimage.mean(difference, cells, np.arange(1, count))
    return errors
