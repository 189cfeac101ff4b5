"""Nuclei of stained sections without any training: colour deconvolution and a threshold, the baseline to beat.

Haematoxylin is separated from eosin and DAB by the vectors of Ruifrok and Johnston (Analytical and Quantitative
Cytology and Histology 23:291, 2001; scikit-image's `rgb2hed`), and thresholded by the method of Otsu (IEEE Transactions
on Systems, Man and Cybernetics 9:62, 1979) in each image. Fixed vectors serve single stains too, where vectors
estimated from the image split its one colour arbitrarily. Lengths are in px: the pixel size of a histology image is
often unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from jaxtyping import Bool
from scipy import ndimage
from skimage.color import rgb2hed
from skimage.filters import threshold_otsu

from hpa.core.errors import InputError
from hpa.core.field import Field, Segmentation
from hpa.core.label_map import areas_of, relabel
from hpa.segmenters.watershed_split import split_touching

_CODE_VERSION = 1
"""Rises whenever the same settings give other nuclei, so that stored label maps are made again."""
_ROUNDING = 1e-6
"""Density below which differences are rounding errors."""


@dataclass(frozen=True)
class ColourDeconvolution:
    """Segments nuclei in RGB images, dark on bright ground.

    Attributes:
        smoothing_px: Standard deviation of the blur of the haematoxylin before the threshold.
        min_area_px2: Smaller nuclei are dropped.
        summit_px: Touching nuclei are split where their distance map has summits this far apart …
        merge_share: … unless the saddle between is at least this share of the lower summit.
    """

    smoothing_px: float = 1.0
    min_area_px2: int = 12
    summit_px: float = 4.0
    merge_share: float = 0.85

    channels = ("red", "green", "blue")

    def __post_init__(self) -> None:
        if self.smoothing_px <= 0 or self.min_area_px2 < 0 or self.summit_px <= 0 or not 0 <= self.merge_share <= 1:
            raise InputError(
                "segmenter=colour_deconvolution needs smoothing_px and summit_px above 0, min_area_px2 of 0 or more, "
                f"merge_share from 0 to 1; came {asdict(self)}."
            )

    def fingerprint(self) -> dict[str, Any]:
        """Return all settings."""
        return {"segmenter": "colour_deconvolution", "code": _CODE_VERSION} | asdict(self)

    def segment(self, fields: Sequence[Field]) -> list[Segmentation]:
        """Return the nuclei of each image, as cells.

        Raises:
            InputError: If a field lacks a colour.
        """
        return [self._segment(field) for field in fields]

    def _segment(self, field: Field) -> Segmentation:
        nuclei = split_touching(self.foreground(field), self.summit_px, self.merge_share)
        kept = np.concatenate([[False], areas_of(nuclei) >= self.min_area_px2])
        nuclei = relabel(np.where(kept[nuclei], nuclei, 0))
        return Segmentation(nuclei, nuclei)

    def foreground(self, field: Field) -> Bool[np.ndarray, "height width"]:
        """Return where nuclei are, holes filled; nothing in an image of one colour.

        Raises:
            InputError: If the field lacks a colour.
        """
        planes = np.stack([field.plane(colour) for colour in self.channels], axis=2)
        light = planes.astype(np.float32) / np.float32(np.iinfo(planes.dtype).max)
        haematoxylin = np.ascontiguousarray(rgb2hed(light)[..., 0])
        smooth = cv2.GaussianBlur(haematoxylin, (0, 0), self.smoothing_px)
        if np.ptp(smooth) < _ROUNDING:
            return np.zeros(smooth.shape, bool)
        threshold = float(threshold_otsu(smooth))  # type: ignore[no-untyped-call]  # has no types
        return ndimage.binary_fill_holes(smooth > threshold)
