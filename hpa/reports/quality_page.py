"""The page and the table of `hpa qc`: every image with its measures, the most suspicious first."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from jaxtyping import UInt8

from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.core.whole_file import whole_file
from hpa.intake.debris import Box
from hpa.intake.quality_control import ImageQuality
from hpa.reports.page import data_uri, render, write_page
from hpa.reports.pictures import composite
from hpa.reports.summary import Figure

SHOWN = 120
"""Pictures on the page; all others stand in the table."""
WIDTH_PX = 320
_MIN_BOX_PERCENT = 8.0
DETAIL_PX = 160
"""Side of the detail at full resolution: a whole image shrunk to a thumbnail looks sharp, whatever its focus."""


@dataclass(frozen=True)
class Tile:
    """An image on the page.

    Attributes:
        quality: Its measures and faults.
        picture: All of it as a data address, None where it cannot be read.
        details: Name and data address of each channel at full resolution, of suspicious images.
        boxes: Where its faults lie: name, left, top, width and height in percent of the picture.
        decision: What a person decided: `use`, `leave out`, "".
        height_px: Of the picture, which is `WIDTH_PX` wide.
    """

    quality: ImageQuality
    picture: str | None
    details: list[tuple[str, str]]
    boxes: list[tuple[str, float, float, float, float]] = field(default_factory=list)
    decision: str = ""
    height_px: int = 0


def write_quality_table(path: Path, found: Sequence[ImageQuality], decisions: Mapping[str, str]) -> None:
    """Write one row an image: faults in words, decision, all measures, and how far it is beyond each limit."""
    rows = [_row(quality) | {"decision": decisions.get(quality.image_id, "")} for quality in ranked(found)]
    table = pd.DataFrame(rows)
    with whole_file(path) as file:
        table.to_csv(file, index=False, float_format="%.6g")


def write_quality_page(
    path: Path,
    folder: str,
    found: Sequence[ImageQuality],
    read: Callable[[str], Field],
    decisions: Mapping[str, str] | None,
) -> None:
    """Write the page, whole or not at all.

    Args:
        path: The file.
        folder: Folder of the images, for the heading.
        found: Their measures and faults.
        read: Reads an image again, to draw it.
        decisions: What a person decided, by image; None where there is no index.csv to keep it in.
    """
    order = ranked(found)
    known = decisions or {}
    tiles = [_tile(quality, read, known.get(quality.image_id, "")) for quality in order[:SHOWN]]
    html = render(
        "quality_page.html.jinja",
        script="quality_page.js",
        command=shlex.join(["hpa", "qc", folder]),
        can_decide=decisions is not None,
        width_px=WIDTH_PX,
        where=folder,
        figures=_figures(found),
        sections=_sections(tiles),
        detail_px=DETAIL_PX,
        rest=len(order) - len(tiles),
        table=path.with_suffix(".csv").name,
    )
    write_page(path, html)


def ranked(found: Sequence[ImageQuality]) -> list[ImageQuality]:
    """Return the images, the most suspicious first; among equals those with more faults."""
    return sorted(found, key=lambda quality: (-quality.suspicion, -len(quality.reasons), quality.image_id))


def _row(quality: ImageQuality) -> dict[str, str | float]:
    row: dict[str, str | float] = {
        "image": quality.image_id,
        "faults": "|".join(quality.reasons),
        "reasons": "; ".join(quality.reasons.values()),
        "suspicion": round(quality.suspicion, 4),
    }
    measures = quality.measures
    if measures is not None:
        row |= {f"sharpness_{name}": value for name, value in measures.sharpness.items()}
        row |= {name: value for name, value in vars(measures).items() if isinstance(value, float)}
    return row | {f"suspicion_{fault}": round(value, 4) for fault, value in quality.suspicions.items()}


def _figures(found: Sequence[ImageQuality]) -> list[Figure]:
    faults = sorted({fault for quality in found for fault in quality.reasons})
    suspicious = sum(bool(quality.reasons) for quality in found)
    first = [
        Figure("Images", f"{len(found):,}"),
        Figure("Suspicious", f"{suspicious:,}", f"{suspicious / max(1, len(found)):.0%} of all"),
    ]
    return first + [Figure(fault.capitalize(), str(sum(fault in q.reasons for q in found))) for fault in faults]


def _sections(tiles: Sequence[Tile]) -> list[tuple[str, str, list[Tile]]]:
    """Return name, heading and tiles of the suspicious images and of the others, where there are any."""
    undecided = [tile for tile in tiles if not tile.decision]
    all_three = [
        ("suspicious", "Suspicious, the worst first", [tile for tile in undecided if tile.quality.reasons]),
        ("decided", "Decided by a person", [tile for tile in tiles if tile.decision]),
        ("others", "Within all limits", [tile for tile in undecided if not tile.quality.reasons]),
    ]
    return [section for section in all_three if section[2]]


def _tile(quality: ImageQuality, read: Callable[[str], Field], decision: str) -> Tile:
    """Return an image with its pictures; without them where it cannot be read (any more)."""
    if quality.measures is None:
        return Tile(quality, None, [], decision=decision)
    try:
        image = read(quality.image_id)
    except InputError:
        return Tile(quality, None, [], decision=decision)
    places = {fault: box for fault, box in quality.measures.places.items() if fault in quality.reasons}
    details = _details(image, next(iter(places.values()), None)) if quality.reasons else []
    height, width = image.pixels.shape[1:]
    boxes = [(fault, *_in_percent(box, width, height)) for fault, box in places.items()]
    overview = _overview(image)
    return Tile(quality, data_uri(overview), details, boxes, decision, overview.shape[0])


def _in_percent(box: Box, width: int, height: int) -> tuple[float, float, float, float]:
    """Return a box of pixels in percent of the image, a little wider, and never too small to be seen."""
    left, top, box_width, box_height = box
    sides = [max(_MIN_BOX_PERCENT, 110 * side / of) for side, of in ((box_width, width), (box_height, height))]
    middles = [100 * (left + box_width / 2) / width, 100 * (top + box_height / 2) / height]
    across, down = (max(0.0, min(100 - side, middle - side / 2)) for side, middle in zip(sides, middles, strict=True))
    return round(across, 2), round(down, 2), round(min(sides[0], 100), 2), round(min(sides[1], 100), 2)


def _overview(image: Field) -> UInt8[np.ndarray, "height width 3"]:
    """Return the whole image, small."""
    height, width = image.pixels.shape[1:]
    size = (WIDTH_PX, max(1, math.ceil(height * WIDTH_PX / width)))
    largest = np.float32(np.iinfo(image.pixels.dtype).max)
    small = np.stack([cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in image.pixels])
    return composite(small.astype(np.float32) / largest, image.channels)


def _details(image: Field, box: Box | None) -> list[tuple[str, str]]:
    """Return name and picture of each channel, pixel by pixel, around a fault or where there is most contrast."""
    side = min(DETAIL_PX, *image.pixels.shape[1:])
    planes = image.pixels.astype(np.float32) / np.float32(np.iinfo(image.pixels.dtype).max)
    spread = sum(plane / max(float(plane.std()), 1e-6) for plane in planes)
    # the mean over a window at its middle; windows that leave the image are left out
    around = cv2.blur(np.asarray(spread, np.float32), (side, side))[side // 2 :, side // 2 :]
    rows, columns = (length - side + 1 for length in image.pixels.shape[1:])
    top, left = map(int, np.unravel_index(int(around[:rows, :columns].argmax()), (rows, columns)))
    if box is not None:
        left = max(0, min(columns - 1, box[0] + box[2] // 2 - side // 2))
        top = max(0, min(rows - 1, box[1] + box[3] // 2 - side // 2))
    window = planes[:, top : top + side, left : left + side]
    return [
        (name, data_uri(composite(plane[None], ("grey",)))) for name, plane in zip(image.channels, window, strict=True)
    ]
