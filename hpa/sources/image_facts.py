"""Metadata of each image that training on pixels uses: organ, pixel size, whether its instances are annotated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32

from hpa.core.image_table import ImageTable
from hpa.core.planes import PlaneSpec

HAS_TRUTH = "has_truth"
"""Column of image tables that hold images without a truth; where it is missing all have one."""


@dataclass(frozen=True)
class PixelFacts:
    """Facts by row of the image table.

    Attributes:
        organs: What each image shows, "" where unknown; None where the data set has no organs.
        pixel_um: Side of a pixel as networks see it, before tiles are enlarged, µm; NaN where not known.
        has_truth: Whether its instances are known.
    """

    organs: tuple[str, ...] | None
    pixel_um: Float32[np.ndarray, " image"]
    has_truth: Bool[np.ndarray, " image"]

    @classmethod
    def of(cls, table: ImageTable, planes: PlaneSpec) -> PixelFacts:
        """Return the facts of a table whose images are resampled as `planes` says."""
        frame = table.frame
        own = frame["pixel_um"].to_numpy(np.float32)
        return cls(
            organs=tuple(str(value) for value in frame["organ"]) if "organ" in frame else None,
            pixel_um=own if planes.pixel_um is None else np.full(len(frame), planes.pixel_um, np.float32),
            has_truth=frame[HAS_TRUTH].to_numpy(bool) if HAS_TRUTH in frame else np.ones(len(frame), bool),
        )
