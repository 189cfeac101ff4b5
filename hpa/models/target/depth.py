"""How deep a pixel lies in its own instance, as a share of the deepest place there: 1 in the middle, small at the edge.

The share does not depend on size, so that small and large instances are told to a network alike.
"""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Integer

from hpa.core.label_map import relabel


def relative_depth(label_map: Integer[np.ndarray, "height width"]) -> Float32[np.ndarray, "height width"]:
    """Return each pixel's distance to the edge of its instance over the largest one there; 0 in the background.

    The edge runs between pixels, half a pixel from the centres of those beside it. The image's own edge is none:
    an instance cut by it is as deep as what is seen of it.
    """
    cells = relabel(label_map)
    within = (~_beside_another(cells)).view(np.uint8)
    distance = cv2.distanceTransform(within, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # an image without any edge is equally deep everywhere, whatever OpenCV says of it
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
