"""Cells as GeoJSON (RFC 7946) for QuPath (Bankhead et al., Scientific Reports 7:16878, 2017), and back.

A cell is a Feature in px of the image: its outline, the outline of its nucleus as `nucleusGeometry`, its class with a
colour, and measurements by name. QuPath opens such a file as it is (File > Import objects, or drag and drop), and what
is corrected there is exported to the same form.
"""

from __future__ import annotations

import colorsys
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Int32

from hpa.core.errors import InputError
from hpa.core.label_map import boxes_of, mask_in_box
from hpa.core.outlines import Ring, fill_outlines, outlines_of

SUFFIX = ".geojson"
UNCLASSIFIED = "cell"
_GOLDEN_RATIO = 0.618034
_MAX_BYTES = 1 << 30


@dataclass(frozen=True)
class OutlinedCell:
    """A cell of a file: its parts, each an outer ring and holes, in px; and its class, None where it has none."""

    parts: tuple[tuple[Ring, ...], ...]
    class_name: str | None


def feature_of(
    mask: Bool[np.ndarray, "height width"],
    nucleus: Bool[np.ndarray, "height width"] | None,
    corner: tuple[int, int],
    identity: str,
    class_name: str,
    measurements: Mapping[str, float],
) -> dict[str, Any]:
    """Return a cell as a Feature.

    Args:
        mask: Of the cell, in its box.
        nucleus: Its nucleus in the same box, None where it is not known.
        corner: Row and column of the box.
        identity: Unlike that of any other cell; decides the id.
        class_name: Its class.
        measurements: What is shown beside it.
    """
    top, left = corner
    feature: dict[str, Any] = {
        "type": "Feature",
        "id": str(uuid.uuid5(uuid.NAMESPACE_OID, identity)),  # a random one would make every run's bytes differ
        "geometry": _geometry(outlines_of(mask, left, top)),
    }
    if nucleus is not None and nucleus.any():
        feature["nucleusGeometry"] = _geometry(outlines_of(nucleus, left, top))
    return feature | {
        "properties": {
            "objectType": "cell",
            "classification": {"name": class_name, "color": colour_of(class_name)},
            "measurements": dict(measurements),
        }
    }


def features_of(
    cells: Int32[np.ndarray, "height width"],
    nuclei: Int32[np.ndarray, "height width"] | None,
    image_id: str,
    class_names: Sequence[str],
    measurements: Sequence[Mapping[str, float]],
) -> list[dict[str, Any]]:
    """Return the cells 1..n of an image as Features; nuclei have the numbers of their cells."""
    found = []
    for number, box in enumerate(boxes_of(cells), start=1):
        top, left, bottom, right = box.tolist()
        nucleus = None if nuclei is None else nuclei[top:bottom, left:right] == number
        mask = mask_in_box(cells, number, box)
        index = number - 1
        identity = f"{image_id} {number}"
        found.append(feature_of(mask, nucleus, (top, left), identity, class_names[index], measurements[index]))
    return found


def text_of(features: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the content of a file, a cell a line."""
    lines = ",\n".join(json.dumps(feature, separators=(",", ":"), allow_nan=False) for feature in features)
    return f'{{"type":"FeatureCollection","features":[\n{lines}\n]}}\n'.encode()


def colour_of(class_name: str) -> list[int]:
    """Return red, green and blue of a class, 0 to 255: the same for the same name in every file.

    >>> colour_of("Golgi apparatus") == colour_of("Golgi apparatus") != colour_of("Cytosol")
    True
    """
    hue = uuid.uuid5(uuid.NAMESPACE_OID, class_name).int % 997 * _GOLDEN_RATIO % 1.0
    return [round(255 * share) for share in colorsys.hsv_to_rgb(hue, 0.75, 0.95)]


def read_cells(path: Path) -> list[OutlinedCell]:
    """Read the cells of a file, in its order; points and lines are left out.

    Raises:
        InputError: If it is no GeoJSON, or an outline is none.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{path}: is larger than {_MAX_BYTES >> 30} GB; export fewer objects.")
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as GeoJSON ({error}); export it again.") from error
    features = content.get("features") if isinstance(content, dict) else content
    if not isinstance(features, list):
        raise InputError(f"{path}: a FeatureCollection or a list of Features is expected; export it as GeoJSON.")
    cells = []
    for number, feature in enumerate(features, start=1):
        try:
            parts = _parts_of(feature["geometry"])
            if parts:
                cells.append(OutlinedCell(parts, _class_of(feature)))
        except (TypeError, KeyError, ValueError, AttributeError, OverflowError) as error:
            raise InputError(f"{path}: object {number} cannot be read ({error}); export it again.") from error
    return cells


def label_map_of(
    cells: Sequence[OutlinedCell], height: int, width: int
) -> tuple[Int32[np.ndarray, "height width"], list[str], int]:
    """Return the label map of cells, the class of each, and how many px were claimed twice; these go to the later cell.

    Cells without a pixel are left out.

    Raises:
        InputError: As `fill_outlines`.
    """
    label_map, names, shared_px = np.zeros((height, width), np.int32), [], 0
    for cell in cells:
        mask = fill_outlines(cell.parts, height, width)
        if mask.any():
            names.append(cell.class_name or UNCLASSIFIED)
            shared_px += int((label_map[mask] > 0).sum())
            label_map[mask] = len(names)
    return label_map, names, shared_px


def _geometry(parts: Sequence[Sequence[Ring]]) -> dict[str, Any]:
    rings = [[ring.astype(int).tolist() for ring in part] for part in parts]
    if len(rings) == 1:
        return {"type": "Polygon", "coordinates": rings[0]}
    return {"type": "MultiPolygon", "coordinates": rings}


def _parts_of(geometry: Mapping[str, Any]) -> tuple[tuple[Ring, ...], ...]:
    kind = geometry["type"]
    if kind not in ("Polygon", "MultiPolygon"):
        return ()
    coordinates = geometry["coordinates"] if kind == "MultiPolygon" else [geometry["coordinates"]]
    parts = tuple(tuple(np.array([point[:2] for point in ring], np.float64) for ring in part) for part in coordinates)
    if any(ring.ndim != 2 or ring.shape[1] != 2 for part in parts for ring in part):
        raise ValueError("an outline is no list of [x, y]")
    return tuple(part for part in parts if part)


def _class_of(feature: Mapping[str, Any]) -> str | None:
    classification = (feature.get("properties") or {}).get("classification") or {}
    name = classification.get("name") or ": ".join(classification.get("names") or ())
    return str(name) or None
