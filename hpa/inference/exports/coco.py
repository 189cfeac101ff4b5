"""`also=coco`: cells as COCO instances (Lin et al., ECCV 2014) in `<submission>.coco.json`, for FiftyOne and CVAT.

One annotation a cell: its mask as run lengths, the class that it most likely shows as category, `score` the confidence
in that class, and `scores` those in every class, in the order of the categories.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from jaxtyping import Float, Int32

from hpa.core.coco import annotations_of
from hpa.core.whole_file import whole_file
from hpa.inference.exports.beside import beside
from hpa.interfaces import CellRecord

SUFFIX = ".coco.json"
_PART_SUFFIX = ".coco.jsonl"


class CocoExport:
    """Writes COCO instances; a block is one line of JSON an image, so that no more than an image is in memory.

    Args:
        class_names: Name of each class; comes from the run. Categories are numbered from 1 in this order.
    """

    suffix = SUFFIX

    def __init__(self, class_names: Sequence[str]) -> None:
        self._class_names = tuple(class_names)

    def start(self, block: Path) -> None:
        """Begin the lines of a block."""
        self._file = block.with_suffix(_PART_SUFFIX).open("wb")

    def add(self, record: CellRecord) -> None:
        """Write the line of one image."""
        field, segmentation = record.segmented.field, record.segmented.segmentation
        image = image_with_cells(field.image_id, segmentation.cells, np.asarray(record.confidences))
        self._file.write(json.dumps(image).encode() + b"\n")

    def finish(self) -> None:
        """Complete the lines of the block."""
        self._file.close()

    def join(self, blocks: Sequence[Path], out: Path) -> None:
        """Write the instances of all blocks, numbered from 1, whole or not at all.

        Raises:
            DiskFullError: If the disk is full.
        """
        paths = [block.with_suffix(_PART_SUFFIX) for block in blocks]
        with whole_file(beside(out, SUFFIX)) as file:
            file.write(b'{"categories": ' + json.dumps(_categories(self._class_names)).encode())
            _write_list(file, "images", (_numbered_image(*numbered) for numbered in enumerate(_lines(paths), start=1)))
            _write_list(file, "annotations", _numbered_annotations(_lines(paths)))
            file.write(b"}\n")


def image_with_cells(
    image_id: str, label_map: Int32[np.ndarray, "height width"], confidences: Float[np.ndarray, "cell class"]
) -> dict[str, Any]:
    """Return an image with its cells, not numbered yet."""
    height, width = label_map.shape
    cells = annotations_of(label_map)
    for cell, scores in zip(cells, confidences, strict=True):
        best = int(scores.argmax()) if len(scores) else 0
        score = float(scores[best]) if len(scores) else 1.0
        cell |= {"category_id": best + 1, "score": score, "scores": scores.tolist()}
    # named as `also=label_maps` names its files: the image itself has one file a channel
    return {"file_name": f"{image_id}.tif", "height": height, "width": width, "cells": cells}


def instances_of(images: Sequence[dict[str, Any]], class_names: Sequence[str]) -> dict[str, Any]:
    """Return images of `image_with_cells` as COCO instances, numbered from 1."""
    return {
        "categories": _categories(class_names),
        "images": [_numbered_image(*numbered) for numbered in enumerate(images, start=1)],
        "annotations": list(_numbered_annotations(iter(images))),
    }


def _categories(class_names: Sequence[str]) -> list[dict[str, Any]]:
    return [{"id": number, "name": name} for number, name in enumerate(class_names or ("cell",), start=1)]


def _lines(paths: Sequence[Path]) -> Iterator[dict[str, Any]]:
    for path in paths:
        with path.open("rb") as file:
            yield from map(json.loads, file)


def _numbered_image(number: int, image: dict[str, Any]) -> dict[str, Any]:
    return {"id": number, **{key: value for key, value in image.items() if key != "cells"}}


def _numbered_annotations(images: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    number = 0
    for image_number, image in enumerate(images, start=1):
        for cell in image["cells"]:
            number += 1
            yield {"id": number, "image_id": image_number, **cell}


def _write_list(file: BinaryIO, name: str, items: Iterator[dict[str, Any]]) -> None:
    """Write a member of the outer object, item by item."""
    file.write(f', "{name}": ['.encode())
    for index, item in enumerate(items):
        file.write((b", " if index else b"") + json.dumps(item).encode())
    file.write(b"]")
