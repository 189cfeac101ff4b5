"""Moving pictures towards a reference: all the way is normalisation, some of the way augmentation.

The winner of "Hacking the Human Body" (2022) trained on stain-transferred copies of all images, the second took one of
three references for 15 % of them, the third matched the histogram of every image, the fourth normalised training and
test images to one test image.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float32

from hpa.core.errors import InputError

Picture = Float32[np.ndarray, "height width 3"]


class TowardsReference:
    """Draws a reference, and how far to go.

    Args:
        matching: Returns a picture in the colours of a reference: `StainMatching`, `ReinhardMatching`,
            `HistogramMatching`.
        references: What it matches to: looks of stains for the first, pictures for the others.
        smallest_share: How far the picture goes towards the match: 0 stays, 1 arrives; drawn from here …
        max_share: … to here.

    Raises:
        InputError: If there is no reference, or the shares are no range within 0 and 1.
    """

    def __init__(
        self,
        matching: Callable[[Picture, Any], Picture],
        references: Sequence[Any],
        smallest_share: float,
        max_share: float,
    ) -> None:
        if not references or not 0 <= smallest_share <= max_share <= 1:
            raise InputError(
                "a reference and 0 <= smallest_share <= max_share <= 1 are expected; came "
                f"{len(references)} references, {smallest_share} and {max_share}."
            )
        self.matching = matching
        self.references = references
        self.shares = (smallest_share, max_share)

    def __call__(self, picture: Picture, draw: np.random.Generator) -> Picture:
        """Return the changed picture (red, green, blue in [0, 1])."""
        reference = self.references[int(draw.integers(len(self.references)))]
        share = np.float32(draw.uniform(*self.shares))
        return np.clip(picture + share * (self.matching(picture, reference) - picture), 0, 1)
