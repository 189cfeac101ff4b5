"""What one should know before training, as sentences: what stops a training first, then what misleads it."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np

from hpa.core.levels import unused_bits
from hpa.intake.data_set.exploration import Exploration
from hpa.intake.data_set.labels import LabelFigures

STOPS, MISLEADS, NOTE = "stops", "misleads", "note"
"""Kinds of findings: training refuses or fails; scores or networks suffer; good to know."""
_RARE_IMAGES = 50
_IMBALANCE = 20.0
_MAX_SATURATED = 0.01
_SATURATED_LEVEL = 0.2
"""Below this share of the range a highest level that many pixels share is no saturation, but a nearly blank plane."""
_OTHER_LEVELS = 3.0
_ALWAYS_TOGETHER = 0.95
_SHOWN = 4


@dataclass(frozen=True)
class Finding:
    """One sentence.

    Attributes:
        kind: `STOPS`, `MISLEADS` or `NOTE`.
        text: The sentence.
    """

    kind: str
    text: str


def findings_of(found: Exploration) -> list[Finding]:
    """Return the sentences, the gravest first; in a kind in the order of the page."""
    parts = [_bad(found), _labels(found), _duplicates(found), _levels(found), _sizes(found), _cells(found)]
    sentences = [finding for part in parts for finding in part]
    order = [STOPS, MISLEADS, NOTE]
    return sorted(sentences, key=lambda finding: order.index(finding.kind))


def _bad(found: Exploration) -> list[Finding]:
    sentences = []
    subjects = list(dict.fromkeys(problem.subject for problem in found.bad))
    if subjects:
        are = "image or row is" if len(subjects) == 1 else "images or rows are"
        sentences.append(Finding(STOPS, f"{len(subjects):,} {are} unusable: {_listed(subjects)}."))
    if not any(len(table) for table in found.data_set.tables.values()):
        sentences.append(Finding(STOPS, "There is no image."))
    return sentences


def _labels(found: Exploration) -> list[Finding]:
    labels = found.labels
    if labels is None:
        layout = found.data_set.layout
        if layout in ("hubmap", "instance_folder"):
            return []
        return [
            Finding(STOPS, "No training image has a class: strategies that learn classes cannot train on this set.")
        ]
    return [*_class_counts(labels), *_class_pairs(labels), *_fold_gaps(labels)]


def _class_counts(labels: LabelFigures) -> list[Finding]:
    counts = labels.images_of_class
    sentences = []
    if labels.unlabeled:
        sentences.append(Finding(STOPS, f"{_training_images(labels.unlabeled)} no class."))
    missing = [labels.name(index) for index in np.flatnonzero(counts == 0).tolist()]
    if missing:
        sentences.append(Finding(MISLEADS, f"No image shows class {_listed(missing)}: it cannot be learned here."))
    shown = np.flatnonzero(counts)  # as an array: it is sorted below
    if len(shown) == 1 and len(labels.class_names) > 1:  # instances of one class are outlined, not distinguished
        text = f"Every labelled image shows class {labels.name(int(shown[0]))}: there is nothing to distinguish."
        return [*sentences, Finding(STOPS, text)]
    rarest = [index for index in shown[np.argsort(counts[shown], kind="stable")].tolist() if _is_rare(labels, index)]
    if rarest:
        named = _listed([f"{counts[index]:,} of class {labels.name(index)}" for index in rarest])
        sentences.append(Finding(MISLEADS, f"Rare classes, by images: {named}."))
    most, least = int(counts.argmax()), int(shown[counts[shown].argmin()])
    ratio = counts[most] / counts[least]
    if ratio >= _IMBALANCE:
        text = (
            f"Class {labels.name(most)} has {counts[most]:,} images, {ratio:,.0f} times those of class "
            f"{labels.name(least)}: sampling=class_balanced, or a loss that weighs classes."
        )
        sentences.append(Finding(MISLEADS, text))
    several = sum(labels.classes_in_image[2:])
    if several:
        once = sum(count == 1 for _, count in labels.sets)
        percent = 100 * several / labels.images
        text = (
            f"{percent:.0f} % of the training images show several classes; of {len(labels.sets):,} label sets {once:,} "
            "occur once."
        )
        sentences.append(Finding(NOTE, text))
    return sentences


def _training_images(count: int) -> str:
    return f"{count:,} training image has" if count == 1 else f"{count:,} training images have"


def _is_rare(labels: LabelFigures, index: int) -> bool:
    return bool(labels.images_of_class[index] < max(_RARE_IMAGES, labels.images / 200))


def _class_pairs(labels: LabelFigures) -> list[Finding]:
    """Name classes that hardly occur without another one: image labels alone do not separate them."""
    sentences = []
    for index in np.flatnonzero(labels.images_of_class).tolist():
        others = labels.together[index].copy()
        others[index] = 0
        other, count = int(others.argmax()), labels.images_of_class[index]
        if others[other] >= _ALWAYS_TOGETHER * count and count > 1:
            text = (
                f"{others[other]:,} of {count:,} images of class {labels.name(index)} also show class "
                f"{labels.name(other)}: labels of images alone hardly separate them."
            )
            sentences.append(Finding(MISLEADS, text))
    never = [
        labels.name(index) for index in np.flatnonzero((labels.alone == 0) & (labels.images_of_class > 0)).tolist()
    ]
    if never and len(labels.class_names) > 1 and sum(labels.classes_in_image[2:]):
        sentences.append(Finding(NOTE, f"Never alone in an image: class {_listed(never)}."))
    return sentences[:_SHOWN]


def _fold_gaps(labels: LabelFigures) -> list[Finding]:
    if labels.folds is None:
        return [Finding(STOPS, "There are fewer groups of images than folds: give folds.count=2, or more images.")]
    whose = "the folds of the table" if labels.folds_are_given else f"{len(labels.folds)} folds"
    lacking = [
        index for index in np.flatnonzero(labels.images_of_class).tolist() if (labels.folds[:, index] == 0).any()
    ]
    if not lacking:
        return [Finding(NOTE, f"Every class that has images is in each of {whose}.")]
    named = _listed([labels.name(index) for index in lacking])
    return [Finding(MISLEADS, f"Of {whose}, some lack class {named}: its validation score is not defined there.")]


def _duplicates(found: Exploration) -> list[Finding]:
    if not found.duplicates:
        return []
    classes = found.classes_of()
    other, across = 0, 0
    for first, second in found.duplicates:
        a, b = found.images[first], found.images[second]
        across += a.split != b.split
        labelled = a.image_id in classes and b.image_id in classes and a.split == b.split
        other += labelled and set(classes[a.image_id].split("|")) != set(classes[b.image_id].split("|"))
    sentences = []
    if across:
        sentences.append(Finding(MISLEADS, f"{across:,} test images are copies of training images."))
    if other:
        sentences.append(Finding(MISLEADS, f"{other:,} pairs of near duplicates have different classes."))
    text = (
        f"{len(found.duplicates):,} pairs of images are the same picture or nearly so; train.py keeps them in a fold."
    )
    return [*sentences, Finding(NOTE, text)]


def _levels(found: Exploration) -> list[Finding]:
    if not found.images:
        return []
    sentences = []
    over = [
        any(one.saturated > _MAX_SATURATED and one.top > _SATURATED_LEVEL for one in image.channels.values())
        for image in found.images
    ]
    if any(over) and found.data_set.layout != "hubmap":
        share = np.mean(over)
        worst = Counter(
            name
            for image in found.images
            for name, one in image.channels.items()
            if one.saturated > _MAX_SATURATED and one.top > _SATURATED_LEVEL
        )
        named = ", ".join(f"{name} {count:,}" for name, count in worst.most_common(_SHOWN))
        are = "image is" if sum(over) == 1 else "images are"
        text = (
            f"{sum(over):,} of {len(over):,} {are} saturated ({100 * share:.0f} %): over {100 * _MAX_SATURATED:g} % of "
            f"the pixels of a channel have its highest level; by channel: {named}."
        )
        sentences.append(Finding(MISLEADS if share >= 0.05 else NOTE, text))
    deep = [image for image in found.images if image.bits == 16]
    if deep:
        largest = max(one.top for image in deep for one in image.channels.values())
        bits = unused_bits(round(largest * 65535), 16)
        if bits:
            text = f"16-bit images use levels up to {round(largest * 65535)} only: data.bits={bits} stretches them."
            sentences.append(Finding(MISLEADS, text))
    blank = [name for name in found.channels if np.median(found.of_channel(name, "top")) == 0]
    if blank:
        sentences.append(Finding(STOPS, f"Channel {_listed(blank)} is blank in most images."))
    return [*sentences, *_test_levels(found)]


def _test_levels(found: Exploration) -> list[Finding]:
    """Compare the bright levels of the splits."""
    sentences = []
    for name in found.channels:
        by_split = {
            split: [one.channels[name].bright for one in found.images if one.split == split and name in one.channels]
            for split in ("train", "test")
        }
        if not all(by_split.values()):
            continue
        train, test = np.median(by_split["train"]), np.median(by_split["test"])
        ratio = test / train if train > 0 else math.nan
        if ratio > _OTHER_LEVELS or ratio < 1 / _OTHER_LEVELS:
            text = f"Channel {name} of the test images is {ratio:.2g} times as bright as of the training images."
            sentences.append(Finding(MISLEADS, text))
    return sentences


def _sizes(found: Exploration) -> list[Finding]:
    sentences = []
    bits = Counter(image.bits for image in found.images)
    if len(bits) > 1:
        named = ", ".join(f"{count:,} of {value} bit" for value, count in bits.most_common())
        sentences.append(Finding(MISLEADS, f"Images have different depths: {named}."))
    sizes_um = sorted({round(image.pixel_um, 4) for image in found.images if math.isfinite(image.pixel_um)})
    unknown = sum(not math.isfinite(image.pixel_um) for image in found.images)
    if unknown:
        sentences.append(Finding(MISLEADS, f"The size of the pixels of {unknown:,} images is not known."))
    if len(sizes_um) > 1:
        text = f"Pixels measure {sizes_um[0]:g} to {sizes_um[-1]:g} µm ({len(sizes_um)} sizes)."
        sentences.append(Finding(MISLEADS if sizes_um[-1] >= 1.5 * sizes_um[0] else NOTE, text))
    return sentences


def _cells(found: Exploration) -> list[Finding]:
    known = [image for image in found.images if image.cells is not None]
    if not known:
        return []
    counts = np.array([image.cells for image in known])
    unit = "tissue units" if found.data_set.layout == "hubmap" else "cells"
    low, middle, high = np.percentile(counts, (5, 50, 95)).astype(int)
    text = f"An image has {middle} {unit} (median); nine images in ten have {low} to {high}."
    sentences = [Finding(NOTE, text)]
    few = [image.image_id for image in known if image.cells == 0]
    if few:
        sentences.append(Finding(MISLEADS, f"{len(few):,} images have no {unit}: {_listed(few)}."))
    return sentences


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
