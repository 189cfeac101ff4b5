"""Labels and metadata of the images that cells lie in, joined to the table of cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hpa.core.errors import InputError
from hpa.core.image_table import COLUMNS, ImageTable
from hpa.intake.data_set.opening import read_labels
from hpa.interfaces import ImageSource
from hpa.results.found_cells import CellTable
from hpa.sources.kaggle_hpa import KaggleHpa
from hpa.sources.metadata import merge_metadata

_MAX_KINDS = 100
"""A column with more different values is no category: ids, paths, numbers."""


def with_labels(
    table: CellTable, class_names: Sequence[str], source: ImageSource
) -> tuple[CellTable, dict[str, list[str]]]:
    """Return the table with the labels of its images as targets where it has none, and their metadata by name.

    Args:
        table: The cells.
        class_names: Classes of the predictions.
        source: The images.
    """
    labelled = _labelled(source)
    if labelled is None:
        return table, {}
    row_of = {image_id: row for row, image_id in enumerate(labelled.image_ids)}
    rows = np.array([row_of.get(image_id, -1) for image_id in table.image_ids], np.int64)
    categories = {}
    for name in (str(name) for name in labelled.frame.columns if name not in COLUMNS):
        values = labelled.frame[name].fillna("").astype(str).tolist()
        chosen = [values[row] if row >= 0 else "" for row in rows.tolist()]
        if 1 < len(set(chosen)) <= _MAX_KINDS:
            categories[name] = chosen
    if table.targets is not None or tuple(labelled.class_names) != tuple(class_names) or not (rows >= 0).any():
        return table, categories
    of_image = np.where(rows[:, None] >= 0, labelled.targets()[rows], np.nan).astype(np.float32)
    return replace(table, targets=of_image[table.image], targets_are_of_images=True), categories


def _labelled(source: ImageSource) -> ImageTable | None:
    """Return the labelled images, without reading headers of files where the layout allows it."""
    try:
        if isinstance(source, KaggleHpa):
            labels = read_labels(source.root / "train.csv", source.class_names)
            return labels if source.metadata is None else merge_metadata(labels, source.metadata)
        return source.table("train")
    except InputError:  # images without labels
        return None
