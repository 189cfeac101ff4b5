"""The page of `hpa eda`: what matters before training first, then classes, levels, images, duplicates, bad files."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from hpa.core.counts import counted
from hpa.core.errors import InputError
from hpa.intake.data_set.exploration import Exploration
from hpa.intake.data_set.findings import Finding
from hpa.interfaces import Split
from hpa.reports.class_styles import PLAIN
from hpa.reports.level_charts import level_chart
from hpa.reports.page import data_uri, render, write_page
from hpa.reports.pictures import composite, outline
from hpa.reports.summary import Figure
from hpa.reports.tissue_rows import tissue_rows

WIDTH_PX = 240
_MAX_CLASSES = 30
"""Of the table of pairs; all classes stand in the other tables and in --json."""
_MAX_NUMBERS = 8
"""Of a column of metadata that are listed one by one."""
_MAX_SETS, _MAX_BAD, _MAX_PAIRS, _MAX_EXAMPLES = 20, 200, 12, 30


@dataclass(frozen=True)
class Picture:
    """A small picture of an image and its caption."""

    uri: str
    caption: str


def write_data_set_page(path: Path, found: Exploration, findings: Sequence[Finding], command: str) -> None:
    """Write the page, whole or not at all; of many classes, pairs and pictures only the first are shown.

    Args:
        path: The file.
        found: All figures.
        findings: What stands first.
        command: Command line that made the page.
    """
    labels = found.labels
    order = [] if labels is None else np.argsort(-labels.images_of_class, kind="stable").tolist()
    html = render(
        "data_set_page.html.jinja",
        where=str(found.data_set.where),
        layout=found.data_set.layout,
        command=command,
        findings=findings,
        figures=_figures(found),
        labels=labels,
        order=order,
        shown=order[:_MAX_CLASSES],
        max_sets=_MAX_SETS,
        levels=[
            (name, {one: found.of_channel(name, one) for one in ("mean", "bright", "saturated")})
            for name in found.channels
        ],
        histograms=[level_chart(name, found.histogram(name)) for name in found.channels],
        tissue=tissue_rows(found),
        metadata=_metadata(found),
        examples_are_of_classes=found.labels is not None,
        examples=_examples(found, order),
        pairs=_pairs(found),
        pair_count=len(found.duplicates),
        bad=found.bad[:_MAX_BAD],
        bad_count=len(found.bad),
    )
    write_page(path, html)


def _figures(found: Exploration) -> list[Figure]:
    figures = [Figure(f"Images, {split}", f"{len(table):,}") for split, table in found.data_set.tables.items()]
    if found.labels is not None:
        figures.append(Figure("Classes", str(int((found.labels.images_of_class > 0).sum())), "with any image"))
    sizes = sorted({(one.width, one.height) for one in found.images})
    if sizes:
        more = f"{len(sizes)} sizes" if len(sizes) > 1 else ""
        figures.append(Figure("Size", f"{sizes[-1][0]}×{sizes[-1][1]} px", more))
    known = [one.cells for one in found.images if one.cells is not None]
    if known:
        unit = "Tissue units" if found.data_set.layout == "hubmap" else "Cells"
        figures.append(Figure(unit, f"{sum(known):,}", f"in {counted(len(known), 'image')}"))
    sizes_um = sorted({one.pixel_um for one in found.images if math.isfinite(one.pixel_um)})
    if sizes_um:
        figures.append(Figure("Pixel", f"{sizes_um[0]:.3g} µm", f"to {sizes_um[-1]:.3g} µm" if sizes_um[1:] else ""))
    return figures


def _metadata(found: Exploration) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return rows of each column of metadata: its values with their images, or of many numbers where they lie."""
    known = {name: counts for name, counts in found.categories.items() if not (name == "organ" and tissue_rows(found))}
    return [
        (name, _spread(counts) or [(value, f"{count:,}") for value, count in counts.items()])
        for name, counts in known.items()
    ]


def _spread(counts: Mapping[str, int]) -> list[tuple[str, str]]:
    """Return least, median and most of many numbers; nothing of few, or of texts."""
    try:
        values = np.repeat([float(value) for value in counts], list(counts.values()))
    except ValueError:
        return []
    if len(counts) <= _MAX_NUMBERS or not np.isfinite(values).all():
        return []
    named = (("least", values.min()), ("median", np.median(values)), ("most", values.max()))
    return [(name, f"{value:g}") for name, value in named]


def _examples(found: Exploration, order: Sequence[int]) -> list[Picture]:
    """Return an image of each class, the one with the fewest other classes, else the first images."""
    labels, classes = found.labels, found.classes_of()
    readable = [(one.image_id, one.split) for one in found.images]
    if labels is None:
        chosen = [(image, "") for image in readable[: _MAX_EXAMPLES // 3]]
    else:
        chosen = []
        for index in order[:_MAX_EXAMPLES]:
            own = [image for image in readable if image[1] == "train" and str(index) in classes[image[0]].split("|")]
            if own:
                best = min(own, key=lambda image: classes[image[0]].count("|"))
                chosen.append((best, labels.class_names[index]))
    drawn = [(_drawn(found, *image), text, image[0]) for image, text in chosen]
    return [Picture(uri, f"{text} · {name}" if text else name) for uri, text, name in drawn if uri]


def _pairs(found: Exploration) -> list[list[Picture]]:
    pairs = []
    for places in found.duplicates[:_MAX_PAIRS]:
        both = [found.images[place] for place in places]
        drawn = [Picture(_drawn(found, one.image_id, one.split), f"{one.image_id} ({one.split})") for one in both]
        pairs.append([picture for picture in drawn if picture.uri])
    return pairs


def _drawn(found: Exploration, image_id: str, split: Split) -> str:
    """Return the data address of a small picture, "" where the image cannot be read any more."""
    reader = found.data_set.reader
    if reader is None:
        return ""
    try:
        field = reader.read(image_id, split)
    except InputError:
        return ""
    height, width = field.pixels.shape[1:]
    size = (WIDTH_PX, max(1, math.ceil(height * WIDTH_PX / width)))
    small = np.stack([cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in field.pixels])
    shares = small.astype(np.float32) / np.float32(np.iinfo(field.pixels.dtype).max)
    picture: UInt8[np.ndarray, "height width 3"]
    if found.data_set.layout == "hubmap":
        picture = np.rint(255 * np.moveaxis(shares, 0, -1)).astype(np.uint8)
    else:
        picture = composite(shares, field.channels)
    return data_uri(_outlined(picture, found, image_id, split))


def _outlined(
    picture: UInt8[np.ndarray, "height width 3"], found: Exploration, image_id: str, split: Split
) -> UInt8[np.ndarray, "height width 3"]:
    """Return the picture with the outlines of its label map, where there is one that can be read."""
    reader = found.data_set.reader
    try:
        label_map = None if reader is None else reader.label_map(image_id, split)
    except InputError:
        label_map = None
    if label_map is None or not label_map.any():
        return picture
    size = (picture.shape[1], picture.shape[0])
    return outline(picture, cv2.resize(label_map, size, interpolation=cv2.INTER_NEAREST), PLAIN)
