"""Class and score of each cell beside label maps, `classes.csv` (ID,cell,class,score), written image by image.

Rows are appended, so that thousands of images cost no more than their own rows. An image's rows come before its label
map: after a kill, rows of an image without a map are dropped, and the image is done again.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path

from hpa.core.whole_file import whole_file
from hpa.sources.cell_classes import HEADER, SCORE

FILE_NAME = "classes.csv"


class NamedCells:
    """The table of a folder of label maps.

    Args:
        folder: Where the label maps lie.
        is_done: Tells whether an image has its label map; rows of others are dropped now.
    """

    def __init__(self, folder: Path, is_done: Callable[[str], bool]) -> None:
        self.path = folder / FILE_NAME
        if not self.path.is_file():
            return
        with self.path.open(newline="", encoding="utf-8") as file:
            kept = [row for row in list(csv.reader(file))[1:] if len(row) == len(HEADER) + 1 and is_done(row[0])]
        with whole_file(self.path) as whole:
            whole.write(_text([[*HEADER, SCORE], *kept]).encode())

    def add(self, image_id: str, class_names: Sequence[str], scores: Sequence[float]) -> None:
        """Append the cells of an image, numbered from 1."""
        rows: list[Sequence[object]] = [] if self.path.is_file() else [[*HEADER, SCORE]]
        named = zip(class_names, scores, strict=True)
        rows += [(image_id, cell, name, f"{score:.6g}") for cell, (name, score) in enumerate(named, start=1)]
        with self.path.open("a", newline="", encoding="utf-8") as file:
            file.write(_text(rows))


def _text(rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
