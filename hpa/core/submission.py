"""The texts of a submission: all predictions, or all true cells, of one image in one string.

A PredictionString is `class confidence mask …`, a TruthString `class mask …`; the masks are competition strings
(`hpa.core.encoding`). A cell stands once for every class, so its mask string is repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int64

from hpa.core.errors import InputError


@dataclass(frozen=True)
class Detections:
    """The content of a PredictionString: one detection per class and mask, in the order written."""

    classes: Int64[np.ndarray, " detection"]
    confidences: Float64[np.ndarray, " detection"]
    masks: list[str]


@dataclass(frozen=True)
class TrueCells:
    """The content of a TruthString: one entry per class and mask, in the order written."""

    classes: Int64[np.ndarray, " entry"]
    masks: list[str]


def parse_prediction(text: str) -> Detections:
    """Return the detections of a PredictionString; none of a blank one.

    Raises:
        InputError: If words are missing, a class is no whole number, or a confidence is no finite number.
    """
    words = text.split()
    if len(words) % 3:
        raise InputError(
            f"{len(words)} words, but `class confidence mask` come in threes: a word is missing or the text is cut off."
        )
    try:
        confidences = np.array(list(map(read_number, words[1::3])), np.float64)
    except ValueError as error:
        raise InputError(f"a confidence is no number ({error}); the order is `class confidence mask`.") from error
    if not np.isfinite(confidences).all():
        raise InputError("a confidence is NaN or infinite; write a finite number, 0 where nothing is known.")
    return Detections(_whole_numbers(words[0::3]), confidences, words[2::3])


def read_number(word: str) -> float:
    """Return the number that a word is; unlike `float` it takes no underscores, nor the digits of other scripts.

    Raises:
        ValueError: If it is none.
    """
    if "_" in word or not word.isascii():
        raise ValueError(f"could not convert string to float: {word[:20]!r}")
    return float(word)


def parse_truth(text: str) -> TrueCells:
    """Return the entries of a TruthString; none of a blank one.

    Raises:
        InputError: If words are missing or a class is no whole number.
    """
    words = text.split()
    if len(words) % 2:
        raise InputError(f"{len(words)} words, but `class mask` come in pairs: a word is missing.")
    return TrueCells(_whole_numbers(words[0::2]), words[1::2])


def format_prediction(masks: Sequence[str], confidences: Float[np.ndarray, "cell class"]) -> str:
    """Return the PredictionString with every class of every cell; confidences keep all their digits.

    Raises:
        InputError: If there is not one row of confidences a mask, or one is not finite.
    """
    if len(masks) != len(confidences):
        raise InputError(f"{len(masks)} masks need as many rows of confidences, got {len(confidences)}.")
    if not np.isfinite(confidences).all():
        cell = int(np.flatnonzero(~np.isfinite(confidences).all(axis=1))[0])
        raise InputError(f"the confidences of cell {cell + 1} are NaN or infinite; only finite numbers can be ranked.")
    # positional, never 1e-07: some readers of numbers do not know exponents
    return " ".join(
        f"{number} {np.format_float_positional(confidence, trim='-')} {mask}"
        for mask, row in zip(masks, confidences, strict=True)
        for number, confidence in enumerate(row)
    )


def format_truth(classes: Sequence[int], masks: Sequence[str]) -> str:
    """Return the TruthString of entries, one class and mask each."""
    return " ".join(f"{number} {mask}" for number, mask in zip(classes, masks, strict=True))


def _whole_numbers(words: Sequence[str]) -> Int64[np.ndarray, " word"]:
    digits = [word.removeprefix("-") for word in words]
    invalid = next((word for word in digits if not (word.isascii() and word.isdecimal() and len(word) < 10)), None)
    if invalid is not None:
        raise InputError(f"class {invalid[:20]!r} is no whole number; classes are the numbers 0 to 18.")
    return np.array(list(map(int, words)), np.int64)
