"""Less confidence in cells whose nuclear stain is weak for their field: debris, dead or out-of-focus cells.

The fifth place of the HPA single-cell competition dropped cells with a very weak blue channel, which gained about .04
(narsil, David and tito, 2021); here they rank lower and none is deleted.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64

from hpa.core.errors import InputError
from hpa.core.label_map import boxes_of, mask_in_box
from hpa.interfaces import SegmentedField


class WeakNucleusRule:
    """Scales the confidences of a cell by `max(min_share, min(1, signal / (full share x median signal)))`.

    The signal of a cell is what its brightest pixels reach above the darkest of the field, both as percentiles; a
    segmenter of nuclei is not needed. A field without any signal stays as it is.

    Attributes:
        channels: The nuclear stain.

    Args:
        nucleus_channel: Name of the stain.
        bright_percentile: Of the pixels of a cell, in [0, 100]; the nucleus must cover the rest to 100.
        dark_percentile: Of the pixels of the field.
        full_share: Share of the field's median signal from which a cell keeps its confidence.
        min_share: What at least remains of a confidence, in (0, 1].

    Raises:
        InputError: If a number lies outside its range.
    """

    def __init__(
        self,
        nucleus_channel: str,
        bright_percentile: float,
        dark_percentile: float,
        full_share: float,
        min_share: float,
    ) -> None:
        percentiles_fit = 0 <= bright_percentile <= 100 and 0 <= dark_percentile <= 100
        if not (percentiles_fit and full_share > 0 and 0 < min_share <= 1):
            raise InputError(
                "rules.weak_nucleus needs percentiles in [0, 100], full_share > 0 and 0 < min_share <= 1; came "
                f"{bright_percentile}, {dark_percentile}, {full_share} and {min_share}."
            )
        self.channels = (nucleus_channel,)
        self._bright_percentile = bright_percentile
        self._dark_percentile = dark_percentile
        self._full_share = full_share
        self._min_share = min_share

    def __call__(
        self, field: SegmentedField, probabilities: Float[np.ndarray, "cell class"]
    ) -> Float[np.ndarray, "cell class"]:
        """Return the scaled confidences.

        Raises:
            InputError: If the field lacks the stain.
        """
        if not len(probabilities):
            return probabilities
        signals = self._signals(field)
        median = np.median(signals)
        if median <= 0:
            return probabilities
        shares = np.clip(signals / (self._full_share * median), self._min_share, 1)
        return probabilities * shares.astype(probabilities.dtype)[:, None]

    def _signals(self, field: SegmentedField) -> Float64[np.ndarray, " cell"]:
        """Return what the nuclear stain of each cell reaches above the field's background."""
        plane, cells = field.field.plane(self.channels[0]), field.segmentation.cells
        bright = [
            np.percentile(plane[top:bottom, left:right][mask_in_box(cells, number, box)], self._bright_percentile)
            for number, box in enumerate(boxes_of(cells), start=1)
            for top, left, bottom, right in [box]
        ]
        return np.array(bright) - np.percentile(plane, self._dark_percentile)
