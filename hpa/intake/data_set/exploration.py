"""All figures of a data set, and the order in which they are found."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float64

from hpa.core.errors import Problem
from hpa.core.image_table import COLUMNS
from hpa.intake.data_set.images import ImageFigures, measure_images
from hpa.intake.data_set.labels import LabelFigures, label_figures
from hpa.intake.data_set.opening import DataSet
from hpa.sources.duplicates import duplicate_pairs, merge_groups

_MAX_KINDS = 60
"""A column with more different values is no category: ids, paths, numbers."""
_FOLD_COUNT, _FOLD_SEED = 5, 0
"""As in conf/train.yaml."""


@dataclass(frozen=True)
class Exploration:
    """What was found.

    Attributes:
        data_set: The set.
        labels: Of the training images; None where they have no classes.
        images: Figures of all images that could be read, in order of split and table.
        bad: Images that could not be read, and what is wrong with rows.
        warnings: What is unusual but usable.
        duplicates: Pairs of places in `images`.
        categories: Training images by value, for every column of metadata (organ, cell line, …).
    """

    data_set: DataSet
    labels: LabelFigures | None
    images: list[ImageFigures] = field(default_factory=list)
    bad: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    duplicates: list[tuple[int, int]] = field(default_factory=list)
    categories: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def channels(self) -> list[str]:
        """Return the channels that any image has, in order."""
        return list(dict.fromkeys(name for image in self.images for name in image.channels))

    def of_channel(self, channel: str, figure: str) -> Float64[np.ndarray, " image"]:
        """Return a figure of a channel (`mean`, `bright`, `top`, `saturated`) of every image that has it."""
        return np.array([getattr(one.channels[channel], figure) for one in self.images if channel in one.channels])

    def histogram(self, channel: str) -> Float64[np.ndarray, " bin"]:
        """Return the mean histogram of a channel."""
        return np.mean([one.channels[channel].histogram for one in self.images if channel in one.channels], axis=0)

    def classes_of(self) -> dict[str, str]:
        """Return the classes of each training image, as a table has them."""
        table = self.data_set.tables.get("train")
        return {} if table is None else dict(zip(table.image_ids, map(str, table.frame["classes"]), strict=True))

    def column_of(self, name: str) -> dict[str, str]:
        """Return the value of a column of metadata of each image, of all splits."""
        found: dict[str, str] = {}
        for table in self.data_set.tables.values():
            if name in table.frame:
                found |= dict(zip(table.image_ids, map(str, table.frame[name]), strict=True))
        return found


def explore(data_set: DataSet, on_progress: Callable[[int, int], object]) -> Exploration:
    """Find all figures of a data set.

    Args:
        data_set: The set.
        on_progress: Is called with the number of images done and of all images.
    """
    wanted = [(name, split) for split, table in data_set.tables.items() for name in dict.fromkeys(table.image_ids)]
    found: list[ImageFigures] = []
    listed = [problem for table in data_set.tables.values() for problem in table.problems]
    bad = [*data_set.problems, *listed]
    if data_set.reader is not None and wanted:
        done = iter(range(1, len(wanted) + 1))
        named = {problem.subject for problem in listed}
        for figures in measure_images(
            data_set.reader,
            wanted,
            data_set.layout == "hubmap",
            lambda: on_progress(next(done), len(wanted)),
        ):
            if isinstance(figures, ImageFigures):
                found.append(figures)
            elif figures.subject not in named:  # its table has named it already
                bad.append(figures)
    pairs = duplicate_pairs([image.fingerprint for image in found])
    return Exploration(
        data_set=data_set,
        labels=_labels(data_set, found, pairs),
        images=found,
        bad=bad,
        warnings=[warning for table in data_set.tables.values() for warning in table.warnings],
        duplicates=pairs,
        categories=_categories(data_set),
    )


def _labels(data_set: DataSet, images: Sequence[ImageFigures], pairs: Sequence[tuple[int, int]]) -> LabelFigures | None:
    table = data_set.tables.get("train")
    if table is None or not table.class_names or not (table.frame["classes"] != "").any():
        return None
    group_of = dict(zip(table.image_ids, map(str, table.frame["group"]), strict=True))
    names = [image.image_id for image in images]
    merged = merge_groups([group_of.get(name, name) for name in names], pairs) if names else []
    group_of |= dict(zip(names, merged, strict=True))
    groups = [group_of[name] for name in table.image_ids]
    return label_figures(table, groups, _FOLD_COUNT, _FOLD_SEED)


def _categories(data_set: DataSet) -> dict[str, dict[str, int]]:
    table = data_set.tables.get("train")
    if table is None:
        return {}
    names = [str(name) for name in table.frame.columns if name not in COLUMNS]
    if table.frame["source"].nunique() > 1:
        names.insert(0, "source")
    found: dict[str, dict[str, int]] = {}
    for name in names:
        values = table.frame[name].where(table.frame[name].notna(), "").astype(str)
        counts = values[values != ""].value_counts()
        if 1 <= len(counts) <= _MAX_KINDS and len(counts) < len(table):
            found[name] = {str(value): int(count) for value, count in counts.items()}
    return found


def as_json(exploration: Exploration, findings: Sequence[str]) -> dict[str, Any]:
    """Return everything as plain types."""
    found, data_set = exploration, exploration.data_set
    return {
        "where": str(data_set.where),
        "layout": data_set.layout,
        "images": {split: len(table) for split, table in data_set.tables.items()},
        "findings": list(findings),
        "classes": None if found.labels is None else _labels_json(found.labels),
        "sizes_px": _counted(f"{one.width}x{one.height}" for one in found.images),
        "bits": _counted(str(one.bits) for one in found.images),
        "pixel_um": _counted(f"{one.pixel_um:.4g}" for one in found.images if math.isfinite(one.pixel_um)),
        "channels": {name: _channel_json(found, name) for name in found.channels},
        "cells": _summary([float(one.cells) for one in found.images if one.cells is not None]),
        "mask_share": _summary([one.mask_share for one in found.images if one.mask_share is not None]),
        "categories": found.categories,
        "duplicates": [[found.images[a].image_id, found.images[b].image_id] for a, b in found.duplicates],
        "bad": [{"subject": one.subject, "reason": one.reason} for one in found.bad],
        "warnings": [{"subject": one.subject, "reason": one.reason} for one in found.warnings],
    }


def _labels_json(labels: LabelFigures) -> dict[str, Any]:
    return {
        "names": list(labels.class_names),
        "images": labels.images_of_class.tolist(),
        "alone": labels.alone.tolist(),
        "together": labels.together.tolist(),
        "classes_in_image": labels.classes_in_image,
        "sets": [{"classes": text, "images": count} for text, count in labels.sets],
        "folds": None if labels.folds is None else labels.folds.tolist(),
        "folds_are_given": labels.folds_are_given,
    }


def _channel_json(found: Exploration, name: str) -> dict[str, Any]:
    figures = {figure: _summary(found.of_channel(name, figure)) for figure in ("mean", "bright", "top", "saturated")}
    return figures | {"histogram": np.round(found.histogram(name), 6).tolist()}


def _summary(values: Sequence[float] | Float64[np.ndarray, " value"]) -> dict[str, int | float] | None:
    if not len(values):
        return None
    low, middle, high = np.percentile(values, (0, 50, 100)).tolist()
    return {"count": len(values), "min": low, "median": middle, "mean": float(np.mean(values)), "max": high}


def _counted(texts: Any) -> dict[str, int]:
    return dict(Counter(texts).most_common())
