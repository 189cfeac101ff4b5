"""The page and the table of `hpa qc`: every image with its measures, the most suspicious first."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from jaxtyping import UInt8

from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.core.whole_file import whole_file
from hpa.intake.quality_control import ImageQuality
from hpa.reports.page import data_uri, render, write_page
from hpa.reports.pictures import composite
from hpa.reports.summary import Figure

SHOWN = 120
"""Pictures on the page; all others stand in the table."""
WIDTH_PX = 320
DETAIL_PX = 160
"""Side of the detail at full resolution: a whole image shrunk to a thumbnail looks sharp, whatever its focus."""


@dataclass(frozen=True)
class Tile:
    """An image on the page.

    Attributes:
        quality: Its measures and faults.
        picture: All of it as a data address, None where it cannot be read.
        details: Name and data address of each channel at full resolution, of suspicious images.
    """

    quality: ImageQuality
    picture: str | None
    details: list[tuple[str, str]]


def write_quality_table(path: Path, found: Sequence[ImageQuality]) -> None:
    """Write one row an image: its faults in words, all measures, and how far it is beyond each limit."""
    table = pd.DataFrame([_row(quality) for quality in ranked(found)])
    with whole_file(path) as file:
        table.to_csv(file, index=False)


def write_quality_page(path: Path, folder: str, found: Sequence[ImageQuality], read: Callable[[str], Field]) -> None:
    """Write the page, whole or not at all.

    Args:
        path: The file.
        folder: Folder of the images, for the heading.
        found: Their measures and faults.
        read: Reads an image again, to draw it.
    """
    order = ranked(found)
    tiles = [_tile(quality, read) for quality in order[:SHOWN]]
    html = render(
        "quality_page.html.jinja",
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
    suspicious = [tile for tile in tiles if tile.quality.reasons]
    others = [tile for tile in tiles if not tile.quality.reasons]
    both = [("suspicious", "Suspicious, the worst first", suspicious), ("others", "Within all limits", others)]
    return [section for section in both if section[2]]


def _tile(quality: ImageQuality, read: Callable[[str], Field]) -> Tile:
    """Return an image with its pictures; without them where it cannot be read (any more)."""
    if quality.measures is None:
        return Tile(quality, None, [])
    try:
        field = read(quality.image_id)
    except InputError:
        return Tile(quality, None, [])
    return Tile(quality, data_uri(_overview(field)), _details(field) if quality.reasons else [])


def _overview(field: Field) -> UInt8[np.ndarray, "height width 3"]:
    """Return the whole image, small."""
    height, width = field.pixels.shape[1:]
    size = (WIDTH_PX, max(1, math.ceil(height * WIDTH_PX / width)))
    largest = np.float32(np.iinfo(field.pixels.dtype).max)
    small = np.stack([cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in field.pixels])
    return composite(small.astype(np.float32) / largest, field.channels)


def _details(field: Field) -> list[tuple[str, str]]:
    """Return name and picture of each channel, pixel by pixel, where all channels together have most contrast."""
    side = min(DETAIL_PX, *field.pixels.shape[1:])
    planes = field.pixels.astype(np.float32) / np.float32(np.iinfo(field.pixels.dtype).max)
    spread = sum(plane / max(float(plane.std()), 1e-6) for plane in planes)
    # the mean over a window at its middle; windows that leave the image are left out
    around = cv2.blur(np.asarray(spread, np.float32), (side, side))[side // 2 :, side // 2 :]
    rows, columns = (length - side + 1 for length in field.pixels.shape[1:])
    top, left = np.unravel_index(int(around[:rows, :columns].argmax()), (rows, columns))
    window = planes[:, top : top + side, left : left + side]
    return [
        (name, data_uri(composite(plane[None], ("grey",)))) for name, plane in zip(field.channels, window, strict=True)
    ]
