"""The rows of the shift tables: each says what it trains, how it predicts, and which row it is compared with."""

from __future__ import annotations

from dataclasses import dataclass

_PLAIN_PREDICTION = ("tta=none", "thresholds=fixed")


@dataclass(frozen=True)
class Step:
    """A row with a network.

    Attributes:
        name: Of its files.
        shown: In the table.
        run: Step whose training it uses: its own name, or an earlier one's.
        training: Words of train.py beside the recipe.
        prediction: Words of infer.py.
        against: Step it is compared with; "" for none.
    """

    name: str
    shown: str
    run: str
    training: tuple[str, ...]
    prediction: tuple[str, ...]
    against: str


_SCALES = ("augment.min_scale=0.5", "augment.max_scale=1.6")
_UNSCALED = ("augment.min_scale=1.0", "augment.max_scale=1.0")
_LEVELS = ("tiles.planes.by_percentile=true",)
_RESAMPLED = ("tiles.planes.pixel_um=4.7",)


def _trained(name: str, shown: str, training: tuple[str, ...], against: str) -> Step:
    """Return a row that differs by its training."""
    return Step(name, shown, name, training, _PLAIN_PREDICTION, against)


def _predicted(name: str, shown: str, run: str, prediction: tuple[str, ...], against: str) -> Step:
    """Return a row that differs by its prediction alone."""
    return Step(name, shown, run, (), prediction, against)


_RANDOM = _predicted("floor", "random baseline", "plain", ("tta=none", "thresholds=random"), "")
_PLAIN = _trained("plain", "plain: rotations and flips", (), "")

NUCLEI: tuple[Step, ...] = (
    _RANDOM,
    _PLAIN,
    _trained("scale", "plain, scale: tiles at 0.5 to 1.6 times", _SCALES, "plain"),
    _trained("jitter", "plain, scale, stain: `augment=tissue`", ("augment=tissue",), "scale"),
    _trained(
        "matched", "plain, scale, colours of the test images: `tissue_matched`", ("augment=tissue_matched",), "scale"
    ),
    _trained("levels", "plain, intensity scaling: `by_percentile`", _LEVELS, "plain"),
    _trained(
        "stain", "plain, intensity scaling, stain: `augment=tissue`", (*_LEVELS, "augment=tissue", *_UNSCALED), "levels"
    ),
    _predicted(
        "views", "plain, intensity scaling, eight views: `tta=d4`", "levels", ("tta=d4", "thresholds=fixed"), "levels"
    ),
    _predicted(
        "fitted",
        "plain, intensity scaling, thresholds fitted on held-out images",
        "levels",
        ("tta=none", "thresholds=fitted"),
        "levels",
    ),
)
"""Scales are random, because the pixel size is unknown."""

SECTIONS: tuple[Step, ...] = (
    _RANDOM,
    _PLAIN,
    _trained("scale", "plain, scale: resampled to 4.7 µm", _RESAMPLED, "plain"),
    _trained("levels", "plain, scale, intensity scaling: `by_percentile`", (*_RESAMPLED, *_LEVELS), "scale"),
    _trained(
        "stain",
        "plain, scale, stain: `augment=tissue_transfer`",
        (*_RESAMPLED, "augment=tissue_transfer", *_UNSCALED),
        "scale",
    ),
    _predicted("views", "… and eight views: `tta=d4`", "stain", ("tta=d4", "thresholds=fixed"), "stain"),
    _predicted("fitted", "… and thresholds fitted per organ", "stain", ("tta=d4", "thresholds=fitted"), "views"),
)
"""As `NUCLEI`, with the pixel sizes of the tables."""
