"""`also=page`: images with their outlined cells and classes as `<submission>.html`, to be looked at in a browser."""

from __future__ import annotations

import itertools
import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hpa.core.label_map import labels_of
from hpa.inference.exports.beside import beside
from hpa.interfaces import CellRecord
from hpa.reports.cell_page import MAX_IMAGES, CellPage, ShownImage, shrunk

SUFFIX = ".html"
_PART_SUFFIX = ".page.jsonl"


class PageExport:
    """Writes the page of `hpa show`; a block is one line of JSON an image, so that no pixel stays in memory.

    A page holds the first images of a larger set, and states how many there are.

    Args:
        class_names: Name of each class; comes from the run.
    """

    suffix = SUFFIX

    def __init__(self, class_names: Sequence[str]) -> None:
        self._class_names = tuple(class_names)

    def start(self, block: Path) -> None:
        """Begin the lines of a block."""
        self._file = block.with_suffix(_PART_SUFFIX).open("wb")
        self._written = 0

    def add(self, record: CellRecord) -> None:
        """Write the line of one image: shrunk, or its name only where no page would hold it."""
        image = {} if self._written >= MAX_IMAGES else _shrunk(record)
        self._file.write(json.dumps(image).encode() + b"\n")
        self._written += 1

    def finish(self) -> None:
        """Complete the lines of the block."""
        self._file.close()

    def join(self, blocks: Sequence[Path], out: Path) -> None:
        """Write the page of the images of all blocks, whole or not at all.

        Raises:
            InputError: If the images have different channels.
            DiskFullError: If the disk is full.
        """
        page = CellPage(out.name, shlex.join(["python", *sys.argv]), self._class_names)
        lines = _lines([block.with_suffix(_PART_SUFFIX) for block in blocks])
        for line in itertools.islice(lines, MAX_IMAGES):
            page.add(json.loads(line))
        page.write(beside(out, SUFFIX), images_of_all=page.count + sum(1 for _ in lines))


def _shrunk(record: CellRecord) -> dict[str, Any]:
    cells = record.segmented.segmentation.cells
    masks = (cells == number for number in labels_of(cells))
    return shrunk(ShownImage(record.segmented.field, masks, np.asarray(record.confidences, np.float64)))


def _lines(paths: Sequence[Path]) -> Iterator[bytes]:
    for path in paths:
        with path.open("rb") as file:
            yield from file
