"""The page and the table of `hpa qc`: every image with its measures, the most suspicious first."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.core.whole_file import whole_file
from hpa.data.quality import ImageQuality
from hpa.reports.embedding import data_uri
from hpa.reports.pictures import composite
from hpa.reports.summary import Figure

SHOWN = 120
"""Pictures on the page; all others stand in the table."""
WIDTH_PX = 320


def write_quality_table(path: Path, found: Sequence[ImageQuality]) -> None:
    """Write one row an image: its faults in words, all measures, and how far it is beyond each limit."""
    table = pd.DataFrame([_row(quality) for quality in ranked(found)])
    with whole_file(path) as file:
        table.to_csv(file, index=False)


def write_quality_page(path: Path, where: str, found: Sequence[ImageQuality], read: Callable[[str], Field]) -> None:
    """Write the page, whole or not at all.

    Args:
        path: The file.
        where: Folder of the images, for the heading.
        found: What was found of them.
        read: Reads an image again, to draw it.
    """
    templates = Environment(
        loader=PackageLoader("hpa.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    order = ranked(found)
    tiles = [
        {"quality": quality, "picture": _picture(quality.image_id, read) if quality.measures else None}
        for quality in order[:SHOWN]
    ]
    page = templates.get_template("quality_page.html.jinja").render(
        where=where,
        figures=_figures(found),
        tiles=tiles,
        rest=len(order) - len(tiles),
        table=path.with_suffix(".csv").name,
    )
    content = page.encode()
    with whole_file(path, len(content)) as file:
        file.write(content)


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


def _picture(image_id: str, read: Callable[[str], Field]) -> str | None:
    """Return the image as a data address, None where it cannot be read any more."""
    try:
        field = read(image_id)
    except InputError:
        return None
    height, width = field.pixels.shape[1:]
    size = (WIDTH_PX, max(1, math.ceil(height * WIDTH_PX / width)))
    largest = np.float32(np.iinfo(field.pixels.dtype).max)
    small = np.stack([cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in field.pixels])
    return data_uri(composite(small.astype(np.float32) / largest, field.channels))
