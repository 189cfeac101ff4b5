"""The levels of the images of a set, measured on a few of each depth."""

from __future__ import annotations

import math
from collections.abc import Iterator

from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.core.image_table import ImageTable
from hpa.core.levels import Levels, levels_of
from hpa.interfaces import ImageSource, Split

SAMPLE_IMAGES = 8
"""Images of each depth that are measured, spread evenly over the set."""


def measure_levels(source: ImageSource, table: ImageTable, split: Split) -> list[Levels]:
    """Return the levels of a few images of each depth that the table names.

    Images that cannot be read are left to those who read all of them.
    """
    return levels_of(_sample(source, table, split))


def _sample(source: ImageSource, table: ImageTable, split: Split) -> Iterator[Field]:
    for _, rows in table.frame.groupby("bits"):
        image_ids = [str(image_id) for image_id in rows["image_id"]]
        for image_id in image_ids[:: max(1, math.ceil(len(image_ids) / SAMPLE_IMAGES))]:
            try:
                yield source.read(image_id, split)
            except InputError:
                continue
