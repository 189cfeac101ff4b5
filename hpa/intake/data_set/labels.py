"""What the labels of a set look like: classes, which of them go together, label sets, folds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from hpa.core.errors import InputError
from hpa.core.folds import assign_folds
from hpa.core.image_table import ImageTable, format_classes, parse_classes


@dataclass(frozen=True)
class LabelFigures:
    """Labels of the images of a split.

    Attributes:
        class_names: Name of each class.
        images: Number of images.
        images_of_class: Images of each class.
        alone: Images that show this class only.
        together: Images of both classes; the diagonal is `images_of_class`.
        classes_in_image: Images with no, one, two, … classes.
        sets: Label sets and their images, the most frequent first.
        folds: Images of each class in each fold; None where no folds can be made.
        folds_are_given: Whether the table names the folds; else they are those of train.py's defaults.
    """

    class_names: tuple[str, ...]
    images: int
    images_of_class: Int64[np.ndarray, " class"]
    alone: Int64[np.ndarray, " class"]
    together: Int64[np.ndarray, "class class"]
    classes_in_image: list[int]
    sets: list[tuple[str, int]]
    folds: Int64[np.ndarray, "fold class"] | None
    folds_are_given: bool

    @property
    def unlabeled(self) -> int:
        """Return how many images have no class."""
        return self.classes_in_image[0] if self.classes_in_image else 0

    def name(self, index: int) -> str:
        """Return number and name of a class, as sentences have it."""
        return f"{index} ({self.class_names[index]})"


def label_figures(table: ImageTable, groups: list[str], fold_count: int, seed: int) -> LabelFigures:
    """Count the labels of a table.

    Args:
        table: The images.
        groups: Images that must share a fold, by a name each.
        fold_count: Folds to make where the table has none.
        seed: Of these folds.
    """
    targets = table.targets().astype(np.int64)
    per_image = targets.sum(axis=1)
    sets = Counter(format_classes(sorted(set(parse_classes(str(text))))) for text in table.frame["classes"])
    sets.pop("", None)
    folds, are_given = _folds(table, targets, groups, fold_count, seed)
    return LabelFigures(
        class_names=table.class_names,
        images=len(table),
        images_of_class=targets.sum(axis=0),
        alone=targets[per_image == 1].sum(axis=0),
        together=targets.T @ targets,
        classes_in_image=np.bincount(per_image).tolist() if len(table) else [],
        sets=sets.most_common(),
        folds=folds,
        folds_are_given=are_given,
    )


def _folds(
    table: ImageTable, targets: Int64[np.ndarray, "image class"], groups: list[str], fold_count: int, seed: int
) -> tuple[Int64[np.ndarray, "fold class"] | None, bool]:
    fold_of = table.frame["fold"].to_numpy(np.int64)
    are_given = bool(len(fold_of)) and bool((fold_of >= 0).all())
    if not are_given:
        try:
            fold_of = assign_folds(targets, groups, fold_count, seed)
        except InputError:  # fewer groups than folds: nothing to show
            return None, False
    counts = np.zeros((int(fold_of.max()) + 1, targets.shape[1]), np.int64)
    np.add.at(counts, fold_of, targets)
    return counts, are_given
