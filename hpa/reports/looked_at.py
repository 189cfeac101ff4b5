"""Pictures of where the network looked: crops in grey, and in colour the places that support a class."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float32, Int64, UInt8

from hpa.reports.facts import RunFacts
from hpa.reports.page import data_uri
from hpa.reports.pictures import composite_cells

_GREY_SHARE = 0.8
"""Of the brightness of a crop: bright structures must not be taken for places that were marked."""


def looked_at(
    facts: RunFacts, rows: Int64[np.ndarray, " row"], classes: Int64[np.ndarray, " row"]
) -> UInt8[np.ndarray, "row side side 3"] | None:
    """Return the crop of each cell in grey, the places that support a class in colours from violet to yellow.

    Yellow is the strongest place of the cell; places against it stay grey.

    Args:
        facts: The run.
        rows: Of its cells.
        classes: The class of each.

    Returns:
        None where the network has no such maps.
    """
    if facts.maps_of is None:
        return None
    pictures = composite_cells(facts.crops_of(rows), facts.channels)
    maps = np.maximum(facts.maps_of(rows, classes), 0) if len(rows) else np.zeros(pictures.shape[:3], np.float32)
    return np.stack([_marked(*one) for one in zip(pictures, maps, strict=True)]) if len(rows) else pictures


def looked_at_uris(
    facts: RunFacts, rows: Int64[np.ndarray, " row"], classes: Int64[np.ndarray, " row"]
) -> list[str | None]:
    """Return these pictures as data addresses, None for each where the network has no maps."""
    pictures = looked_at(facts, rows, classes)
    return [None] * len(rows) if pictures is None else [data_uri(picture) for picture in pictures]


def _marked(
    picture: UInt8[np.ndarray, "side side 3"], positive: Float32[np.ndarray, "side side"]
) -> UInt8[np.ndarray, "side side 3"]:
    highest = float(positive.max(initial=0))
    share = positive / highest if highest > 0 else positive
    colours = cv2.applyColorMap(np.rint(255 * share).astype(np.uint8), cv2.COLORMAP_PLASMA)[..., ::-1]
    grey = _GREY_SHARE * cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None]
    weight = 0.75 * share[..., None]
    return np.rint((1 - weight) * grey + weight * colours).astype(np.uint8)
