"""Which images of a set are suspicious: out of focus, saturated, unevenly lit, dirty, empty, duplicated, mismatched.

Sharpness depends on objective, stain and cells, so it is compared with the median of the set; everything else has a
limit of its own. Suspicion is how far an image is beyond the worst of its limits: 1 is at the limit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.intake.quality_measures import FieldMeasures, measure_field
from hpa.sources.duplicates import Fingerprint, duplicate_pairs, fingerprint_of

MAX_SUSPICIOUS = 10.0
"""Where suspicion ends, so that a ratio to almost nothing stays a number."""
_OF_A_PAIR = 2.0
"""Suspicion of an image that is there twice: a fact, no measure."""


@dataclass(frozen=True)
class QualityLimits:
    """From where on an image is suspicious.

    Attributes:
        min_signal: Correlation of two thinned images of the worst plane; below, there is nothing but noise.
        min_sharpness_share: Sharpness of the worst channel, as a share of the set's median.
        max_saturated_share: Share of saturated pixels of the worst plane.
        max_unevenness: Brightest over dimmest end of the light, in the best channel.
        debris_factor: How many times brighter than a middling pixel of cells debris is.
        max_debris_share: Share of the image in one region of debris.
        min_agreement: Deviations of chance by which the worst channel fits another.
    """

    min_signal: float
    min_sharpness_share: float
    max_saturated_share: float
    max_unevenness: float
    debris_factor: float
    max_debris_share: float
    min_agreement: float

    def __post_init__(self) -> None:
        wrong = [name for name, value in vars(self).items() if not (math.isfinite(value) and value > 0)]
        if wrong:
            raise InputError(f"limits.{wrong[0]}={getattr(self, wrong[0])}: a number above 0 is expected.")


@dataclass
class ImageQuality:
    """What was found of one image.

    Attributes:
        image_id: Its name.
        measures: What was measured, None where the image could not be read.
        suspicions: How far it is beyond each limit, by fault; all faults that were judged.
        reasons: What is wrong, in words, by fault.
    """

    image_id: str
    measures: FieldMeasures | None
    suspicions: dict[str, float] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    @property
    def suspicion(self) -> float:
        """Return how far it is beyond the worst of its limits; 1 and more is suspicious."""
        return max(self.suspicions.values(), default=0.0)

    def judge(self, fault: str, suspicion: float, reason: str) -> None:
        """Keep a suspicion, and its reason where it reaches the limit; NaN could not be judged."""
        if math.isnan(suspicion):
            return
        self.suspicions[fault] = min(max(suspicion, 0.0), MAX_SUSPICIOUS)
        if suspicion >= 1:
            self.reasons[fault] = reason


def judge_images(
    image_ids: Sequence[str],
    read: Callable[[str], Field],
    limits: QualityLimits,
    on_progress: Callable[[], object],
) -> list[ImageQuality]:
    """Measure all images and judge them against each other, in the order given.

    Args:
        image_ids: The images.
        read: Reads one; what it raises as InputError becomes the image's fault.
        limits: From where on an image is suspicious.
        on_progress: Is called after each image.
    """
    found: list[ImageQuality] = []
    prints: list[Fingerprint | None] = []
    for image_id in image_ids:
        try:
            image = read(image_id)
            found.append(ImageQuality(image_id, measure_field(image, limits.debris_factor)))
            prints.append(fingerprint_of(image))
        except InputError as error:
            broken = ImageQuality(image_id, None)
            broken.judge("unreadable", MAX_SUSPICIOUS, str(error))
            found.append(broken)
            prints.append(None)
        on_progress()
    medians = _median_sharpness(found, limits.min_signal)
    for quality in found:
        _judge_measures(quality, limits, medians)
    _judge_duplicates(found, prints)
    return found


def _judge_measures(quality: ImageQuality, limits: QualityLimits, medians: dict[str, float]) -> None:
    measures = quality.measures
    if measures is None:
        return
    signal = measures.signal
    emptiness = limits.min_signal / max(signal, limits.min_signal / MAX_SUSPICIOUS)
    quality.judge("empty", emptiness, f"a channel shows noise only (signal {max(signal, 0.0):.2f})")
    if "empty" in quality.reasons:
        return  # nothing else can be judged in an image without cells
    shares = {name: value / medians[name] for name, value in measures.sharpness.items() if medians.get(name)}
    if shares:
        worst = min(shares, key=lambda name: shares[name])
        blur = limits.min_sharpness_share / max(shares[worst], limits.min_sharpness_share / MAX_SUSPICIOUS)
        quality.judge("focus", blur, f"{worst} is {shares[worst]:.0%} as sharp as the median image: out of focus")
    share = measures.saturated_share
    quality.judge("saturation", share / limits.max_saturated_share, f"{share:.1%} of a channel is saturated")
    uneven = (measures.unevenness - 1) / max(limits.max_unevenness - 1, 1e-9)
    quality.judge("illumination", uneven, f"one end is {measures.unevenness:.1f} times brighter than the other")
    if "saturation" not in quality.reasons:  # else whole cells are as bright as dirt
        dirt = measures.debris_share
        reason = f"a bright region of {dirt:.2%} of the image is no cell"
        quality.judge("debris", dirt / limits.max_debris_share, reason)
    fit = measures.agreement
    mismatch = limits.min_agreement / max(fit, limits.min_agreement / MAX_SUSPICIOUS)
    quality.judge(
        "mismatched",
        math.nan if math.isnan(fit) else mismatch,
        f"a channel may be of another field (agreement {max(fit, 0.0):.1f})",
    )


def _median_sharpness(found: Sequence[ImageQuality], min_signal: float) -> dict[str, float]:
    """Return the median of each channel, over images that show anything."""
    values: dict[str, list[float]] = {}
    measures = [quality.measures for quality in found if quality.measures is not None]
    for measured in measures:
        for name, value in measured.sharpness.items():
            if measured.signal >= min_signal and not math.isnan(value):
                values.setdefault(name, []).append(value)
    return {name: float(np.median(of_channel)) for name, of_channel in values.items()}


def _judge_duplicates(found: Sequence[ImageQuality], prints: Sequence[Fingerprint | None]) -> None:
    """Name duplicates; empty images resemble each other without being copies."""
    fingerprints = [None if "empty" in quality.reasons else made for quality, made in zip(found, prints, strict=True)]
    for first, second in duplicate_pairs(fingerprints):
        for one, other in ((first, second), (second, first)):
            found[one].judge("duplicate", _OF_A_PAIR, f"shows the same as {found[other].image_id}")
