"""Images dealt into training, validation and test so that no plate or well straddles two of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hpa.core.errors import InputError
from hpa.core.folds import assign_folds
from hpa.formats.csv_rows import read_rows

PARTS: tuple[str, ...] = ("train", "validate", "test")
GROUP = "group"


def split_images(
    image_ids: Sequence[str], class_names: Sequence[str], groups: Sequence[str], shares: Sequence[int], seed: int
) -> dict[str, list[str]]:
    """Return the images of each part, every class in its share of each as far as groups allow.

    Args:
        image_ids: The images.
        class_names: What each shows; parts are balanced by it.
        groups: What each was grown together with; images of one group stay together.
        shares: Parts of the whole: of training, validation and, where there are three, test.
        seed: Random seed of the assignment.

    Raises:
        InputError: If the shares make no sense, or there are fewer groups than shares.
    """
    if not 2 <= len(shares) <= len(PARTS) or min(shares) < 1:
        raise InputError("--split: two or three whole numbers from 1 on are expected, e.g. 8:1:1.")
    whole = [share // math.gcd(*shares) for share in shares]
    kinds = np.unique(list(class_names))
    targets = np.array([[name == kind for kind in kinds] for name in class_names])
    if len(set(groups)) < sum(whole):
        raise InputError(
            f"--split {':'.join(map(str, shares))}: {len(set(groups))} groups (plates, wells) are too few for "
            f"{sum(whole)} equal shares; write smaller numbers, e.g. 2:1:1."
        )
    fold = assign_folds(targets, list(groups), sum(whole), seed)
    part_of_fold = np.repeat(np.arange(len(whole)), whole)
    return {
        part: [image_ids[row] for row in np.flatnonzero(part_of_fold[fold] == number).tolist()]
        for number, part in enumerate(PARTS[: len(whole)])
    }


def groups_of(path: Path, image_ids: Sequence[str]) -> list[str]:
    """Return the group of each image by the column `group` of a table; an image without one is its own.

    Raises:
        InputError: If the file is missing, lacks the columns, or has two groups for an image.
    """
    group_of: dict[str, str] = {}
    for row in read_rows(path, ("ID", GROUP)).to_dict("records"):
        if group_of.setdefault(row["ID"], row[GROUP]) != row[GROUP]:
            raise InputError(
                f"{path}: image {row['ID']} is of group '{group_of[row['ID']]}' and '{row[GROUP]}'; keep one."
            )
    return [group_of.get(image_id) or image_id for image_id in image_ids]
