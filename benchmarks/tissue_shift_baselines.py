"""Rows of the shift table of nuclei that train nothing: thresholds of Otsu (1979), anew for each picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from scipy import ndimage
from skimage.filters import threshold_otsu

from hpa.formats.label_maps import write_label_map

_SMOOTHING_PX = 1.0
"""As of segmenter=colour_deconvolution."""


@dataclass(frozen=True)
class Baseline:
    """A row without a network.

    Attributes:
        name: Of its files.
        shown: In the table.
        segmenter: Words of `hpa segment`; none thresholds the green light instead.
    """

    name: str
    shown: str
    segmenter: tuple[str, ...]


CLASSICAL: tuple[Baseline, ...] = (
    Baseline("deconvolution", "colour deconvolution + Otsu", ("segmenter=colour_deconvolution",)),
    Baseline("green", "Otsu's threshold of green light", ()),
)
"""Haematoxylin takes most of the red light and much of the green, eosin green alone: without eosin green parts best."""


def threshold_green(pictures: Path, out: Path) -> None:
    """Write masks of what takes more green light than Otsu's threshold, blurred before, holes filled after."""
    for path in sorted(pictures.glob("*.png")):
        green = np.asarray(Image.open(path).convert("RGB"))[..., 1].astype(np.float32)
        smooth = cv2.GaussianBlur(green, (0, 0), _SMOOTHING_PX)
        dark = ndimage.binary_fill_holes(smooth < float(threshold_otsu(smooth)))  # type: ignore[no-untyped-call]  # has no types
        write_label_map(out / f"{path.stem}.tif", dark.astype(np.int32))
