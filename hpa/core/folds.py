"""Folds in which every class has its share, and images that belong together stay together.

Iterative stratification (Sechidis, Tsoumakas, Vlahavas, "On the stratification of multi-label data", ECML PKDD 2011),
on groups of images instead of images: the rarest class is dealt out first, each of its groups to the fold that
still needs most of this class. A last pass then brings classes into folds that they
miss, which the greedy deal may leave where rare classes travel together.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Float64, Int, Int64, Num

from hpa.core.errors import InputError

_logger = logging.getLogger(__name__)


def assign_folds(
    targets: Num[np.ndarray, "image class"] | Bool[np.ndarray, "image class"],
    groups: Sequence[str] | None,
    fold_count: int,
    seed: int,
    class_names: Sequence[str] | None = None,
) -> Int64[np.ndarray, " image"]:
    """Return the fold of each image, 0 … fold_count - 1.

    A group never straddles folds. A class with at least as many groups as folds comes into every fold unless other
    classes that share its groups prevent it; classes that miss a fold are named in the log, once in a process.

    Args:
        targets: Labels of each image; what is above 0 counts as shown. An image may show none.
        groups: Name of each image's group, None where each image is its own.
        fold_count: Number of folds, 2 or more.
        seed: Decides among equals: the same seed gives the same folds.
        class_names: Names of the classes for the log; None calls them class 0, class 1, ….

    Raises:
        InputError: If there are fewer groups than folds, or the arguments do not fit each other.
    """
    image_count = len(targets)
    if groups is not None and len(groups) != image_count:
        raise InputError(f"one group an image is expected: {image_count} images, {len(groups)} groups.")
    group_of_image = np.arange(image_count) if groups is None else np.unique(list(groups), return_inverse=True)[1]
    group_count = int(group_of_image.max(initial=-1)) + 1
    if not 2 <= fold_count <= group_count:
        raise InputError(
            f"fold_count={fold_count} with {group_count} groups of images: at least 2 folds and one group a fold are "
            "needed; choose fewer folds or give more images."
        )
    counts = np.zeros((group_count, targets.shape[1]))
    np.add.at(counts, group_of_image, targets > 0)
    sizes = np.bincount(group_of_image, minlength=group_count).astype(np.float64)
    fold_of_group = _deal(counts, sizes, fold_count, np.random.default_rng(seed))
    _fill_gaps(fold_of_group, counts > 0, fold_count)
    _warn_of_gaps(fold_of_group, counts > 0, fold_count, class_names or [f"class {k}" for k in range(counts.shape[1])])
    return fold_of_group[group_of_image]


def _deal(
    counts: Float[np.ndarray, "group class"],
    sizes: Float[np.ndarray, " group"],
    fold_count: int,
    random: np.random.Generator,
) -> Int64[np.ndarray, " group"]:
    """Deal groups out, those of the rarest class first, each to the fold that still needs most of the class."""
    wanted = np.tile(counts.sum(axis=0) / fold_count, (fold_count, 1))  # (fold, class): images of a class still to come
    room = np.full(fold_count, sizes.sum() / fold_count)  # (fold,): images still to come
    shuffled = random.permutation(len(counts))
    # Large groups first: small ones then even out what they leave uneven.
    order = shuffled[np.argsort(-sizes[shuffled], kind="stable")]
    folds = np.full(len(counts), -1, np.int64)
    while True:
        left = ((folds < 0)[:, None] & (counts > 0)).sum(axis=0)  # (class,): groups still to deal
        if not left.any():
            break
        rarest = int(np.argmin(np.where(left > 0, left, np.inf)))
        for group in order[(folds[order] < 0) & (counts[order, rarest] > 0)]:
            fold = _first_of(random, wanted[:, rarest], room)
            folds[group] = fold
            wanted[fold] -= counts[group]
            room[fold] -= sizes[group]
    for group in order[folds[order] < 0]:  # groups that show no class
        folds[group] = fold = _first_of(random, room, room)
        room[fold] -= sizes[group]
    return folds


def _first_of(
    random: np.random.Generator, need: Float64[np.ndarray, " fold"], room: Float64[np.ndarray, " fold"]
) -> int:
    """Return the fold of greatest need; ties go to the fold with most room, then to a random one."""
    best = np.flatnonzero(need >= need.max() - 1e-9)
    best = best[room[best] >= room[best].max() - 1e-9]
    return int(best[0] if len(best) == 1 else random.choice(best))


def _fill_gaps(folds: Int64[np.ndarray, " group"], shows: Bool[np.ndarray, "group class"], fold_count: int) -> None:
    """Move groups, in place, so that a class comes into a fold it misses, where no other class is lost by it."""
    held = np.stack([shows[folds == fold].sum(axis=0) for fold in range(fold_count)])  # (fold, class): groups
    groups_in = np.bincount(folds, minlength=fold_count)
    able = shows.sum(axis=0) >= fold_count
    for fold, missing in np.argwhere((held == 0) & able):
        if held[fold, missing]:
            continue  # an earlier move brought it
        candidates = np.flatnonzero(shows[:, missing])
        spare = held[folds[candidates]] > 1  # (candidate, class): its fold holds the class in another group too
        harmless = (spare | ~shows[candidates] | ~able).all(axis=1) & (groups_in[folds[candidates]] > 1)
        if not harmless.any():
            continue
        # The fewest other classes change their share.
        group = candidates[harmless][np.argmin(shows[candidates[harmless]].sum(axis=1))]
        held[folds[group]] -= shows[group]
        held[fold] += shows[group]
        groups_in[folds[group]] -= 1
        groups_in[fold] += 1
        folds[group] = fold


def _warn_of_gaps(
    folds: Int[np.ndarray, " group"],
    shows: Bool[np.ndarray, "group class"],
    fold_count: int,
    class_names: Sequence[str],
) -> None:
    """Log the classes that some fold is without: a warning only where they have groups enough for all."""
    groups = {
        index: int(shown.sum())
        for index, shown in enumerate(shows.T)
        if shown.any() and len(np.unique(folds[shown])) < fold_count
    }
    if groups:
        named = ", ".join(f"{class_names[index]} ({count})" for index, count in groups.items())
        level = logging.WARNING if max(groups.values()) >= fold_count else logging.INFO
        _log_once(
            level,
            f"these classes are rare and miss at least one of the {fold_count} folds, where they are not scored (in "
            f"brackets: in how many independent images or groups of images they are): {named}",
        )


@functools.cache
def _log_once(level: int, text: str) -> None:
    """Log a line unless it was logged already: the jobs of a sweep deal out the same images again and again."""
    _logger.log(level, "%s", text)
