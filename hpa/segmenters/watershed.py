"""Classical segmentation of nuclei and cells by watersheds: no weights, the embedded default.

Nuclei are regions brighter than their neighbourhood (after Otsu, 1979), split where their distance map has several
maxima; cells are what the cytoplasm stains cover, split by a flood from the nuclei (seeded watershed: Meyer and
Beucher, 1990; nuclei as primary, cells as secondary objects: Carpenter et al., Genome Biology 7:R100, 2006). Sizes are
in µm, so that one setting serves all magnifications; segmentation runs on a downsampled copy, and label maps are
enlarged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int32
from skimage.segmentation import watershed

from hpa.core.errors import InputError
from hpa.core.field import Field, Segmentation
from hpa.core.label_map import areas_of
from hpa.segmenters.watershed_split import split_touching
from hpa.shipped import IN_YAML, defaults_of

_CODE_VERSION = 1
"""Rises whenever the same settings give other cells, so that stored label maps are made again."""

_ROUNDING = 1e-6
"""Brightness, of full scale, below which differences are rounding errors: a tenth of a grey level of 16 bits."""

Plane = Float32[np.ndarray, "height width"]
Mask = Bool[np.ndarray, "height width"]
LabelMap = Int32[np.ndarray, "height width"]


@defaults_of("segmenter/watershed")
@dataclass(frozen=True)
class Watershed:
    """Segments nuclei, then a cell around each; there is no cell without a nucleus.

    Attributes:
        nucleus_channel: Stain of the nuclei.
        cell_channels: Stains of the cytoplasm, averaged; none to segment nuclei only.
        work_um: Pixel size of the downsampled copy; images of larger pixels are not enlarged.
        smoothing_um: Standard deviation of the Gaussian blur before anything else.
        background_um: Width of the window whose darkest value is the background; wider than the widest nucleus.
        neighbourhood_um: Width of the neighbourhood against which a nucleus must stand out.
        nucleus_local_share: Brightness of a nucleus's edge, as a share of the neighbourhood's peak.
        nucleus_global_share: Minimum brightness of a nucleus, as a share of the image's threshold (square-root scale).
        nucleus_contrast: How far nuclei must stand out from background in the mean, in standard deviations of the noise
            (square-root scale); else the image holds none. Noise alone reaches about 2.
        merge_share: Two maxima of the distance map are one nucleus if the saddle is at least this share of the lower.
        nucleus_min_um2: Smaller nuclei are dropped.
        hole_max_um2: Holes up to this area are filled.
        opening_um: Width of the opening that removes threads and specks.
        cell_share: Edge of the cytoplasm, as a share of its threshold (square-root scale).
        cell_min_um2: Smaller cells are dropped.
        reach_um: How far a cell reaches from its nucleus.
        distance_share: Weight of the distance from nuclei against darkness where cells touch, 0 to 1.
    """

    nucleus_channel: str = IN_YAML
    cell_channels: Sequence[str] = IN_YAML
    work_um: float = IN_YAML
    smoothing_um: float = IN_YAML
    background_um: float = IN_YAML
    neighbourhood_um: float = IN_YAML
    nucleus_local_share: float = IN_YAML
    nucleus_global_share: float = IN_YAML
    nucleus_contrast: float = IN_YAML
    merge_share: float = IN_YAML
    nucleus_min_um2: float = IN_YAML
    hole_max_um2: float = IN_YAML
    opening_um: float = IN_YAML
    cell_share: float = IN_YAML
    cell_min_um2: float = IN_YAML
    reach_um: float = IN_YAML
    distance_share: float = IN_YAML

    def __post_init__(self) -> None:
        if isinstance(self.cell_channels, str):
            raise InputError(f"segmenter.cell_channels is a list, e.g. [green]; came {self.cell_channels}.")
        object.__setattr__(self, "cell_channels", tuple(self.cell_channels))  # YAML hands over a list

    @property
    def channels(self) -> tuple[str, ...]:
        """List the channels it reads."""
        return tuple(dict.fromkeys((self.nucleus_channel, *self.cell_channels)))

    def fingerprint(self) -> dict[str, Any]:
        """Return all settings."""
        settings = asdict(self) | {"cell_channels": list(self.cell_channels)}
        return {"segmenter": "watershed", "code": _CODE_VERSION} | settings

    def segment(self, fields: Sequence[Field]) -> list[Segmentation]:
        """Return cells and nuclei of each field.

        Raises:
            InputError: If a field lacks one of the channels.
        """
        return [self._segment(field) for field in fields]

    def _segment(self, field: Field) -> Segmentation:
        height, width = field.pixels.shape[1:]
        shrink = max(1.0, self.work_um / field.pixel_um)
        size = (max(1, round(height / shrink)), max(1, round(width / shrink)))
        um = field.pixel_um * shrink
        planes = {channel: self._flattened(field.plane(channel), size, um) for channel in self.channels}
        mask = self._nucleus_mask(planes[self.nucleus_channel], um)
        nuclei = split_touching(mask, summit_px=1 / um, merge_share=self.merge_share)
        nuclei = _kept(nuclei, areas_of(nuclei) * um**2 >= self.nucleus_min_um2)
        full = (height, width)
        if not self.cell_channels:
            return Segmentation(_enlarged(nuclei, full))
        cells = self._grown(nuclei, [planes[channel] for channel in self.cell_channels], um)
        large = areas_of(cells) * um**2 >= self.cell_min_um2
        return Segmentation(_enlarged(_kept(cells, large), full), _enlarged(_kept(nuclei, large), full))

    def _flattened(self, plane: np.ndarray, size: tuple[int, int], um: float) -> Plane:
        """Return a plane in [0, 1], shrunk and smoothed, its background subtracted."""
        small = cv2.resize(plane, size[::-1], interpolation=cv2.INTER_AREA).astype(np.float32)
        small /= np.iinfo(plane.dtype).max
        small = _blurred(small, self.smoothing_um / um)
        # the background varies slowly: a coarse copy of 16 pixels a window is enough
        step = max(1, round(self.background_um / um / 16))
        coarse_size = (max(1, size[1] // step), max(1, size[0] // step))
        coarse = cv2.resize(small, coarse_size, interpolation=cv2.INTER_AREA)
        window = _odd_width(self.background_um / um / step)
        darkest = _blurred(cv2.erode(coarse, np.ones((window, window), np.uint8)), window / 2)
        above = small - cv2.resize(darkest, size[::-1], interpolation=cv2.INTER_LINEAR)
        return cv2.threshold(above, _ROUNDING, 0, cv2.THRESH_TOZERO)[1]

    def _nucleus_mask(self, plane: Plane, um: float) -> Mask:
        """Return where nuclei are: bright in the image and in their neighbourhood."""
        root = np.sqrt(plane)  # photon noise is even on this scale, and dim nuclei count beside bright ones
        threshold = _otsu(root)
        dark, bright = root[root <= threshold], root[root > threshold]
        noise = _noise_of(root, round(3 * self.smoothing_um / um))
        if not bright.size or bright.mean() - dark.mean() < self.nucleus_contrast * noise:
            return np.zeros(plane.shape, bool)
        window = _odd_width(self.neighbourhood_um / um)
        peak = cv2.blur(cv2.dilate(plane, np.ones((window, window), np.uint8)), (window, window))
        mask = (root > self.nucleus_global_share * threshold) & (plane > self.nucleus_local_share * peak)
        filled = _filled(mask, self.hole_max_um2 / um**2)
        width = _odd_width(max(self.opening_um / um, 3.0))
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
        return cv2.morphologyEx(filled.view(np.uint8), cv2.MORPH_OPEN, disc).astype(bool)

    def _grown(self, nuclei: LabelMap, planes: Sequence[Plane], um: float) -> LabelMap:
        """Return the cell of each nucleus, with its number."""
        if not nuclei.any():
            return nuclei
        cytoplasm = _stretched(planes)
        cover = (cytoplasm > self.cell_share * _otsu(cytoplasm)) | (nuclei > 0)
        outside = (nuclei == 0).astype(np.uint8)
        distance = cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_5) * np.float32(um / self.reach_um)
        mask = _filled(cover, self.hole_max_um2 / um**2) & (distance < 1)
        relief = self.distance_share * distance - (1 - self.distance_share) * cytoplasm
        return watershed(relief, nuclei, mask=mask).astype(np.int32)  # type: ignore[no-untyped-call]  # has no types


def _stretched(planes: Sequence[Plane]) -> Plane:
    """Return the mean of planes, each on a square-root scale from background 0 to bright 1."""
    total = np.zeros_like(planes[0])
    for plane in planes:
        mean, deviation = cv2.meanStdDev(plane)
        bright = float(mean[0, 0] + 3 * deviation[0, 0])
        if bright > 0:
            total += np.sqrt(np.minimum(plane / bright, 1))
    return total / np.float32(len(planes))


def _noise_of(plane: Plane, step_px: int) -> float:
    """Return the standard deviation of the noise, estimated from nearby pixels; edges are few and do not count."""
    step = max(1, step_px)
    differences = np.abs(plane[::4, step::2] - plane[::4, :-step:2])
    return float(np.median(differences)) / (0.6745 * 2**0.5) if differences.size else 0.0


def _otsu(plane: Plane) -> float:
    """Return Otsu's threshold, 0 of a black plane."""
    top = float(plane.max(initial=0))
    if top <= 0:
        return 0.0
    threshold, _ = cv2.threshold((plane * (255 / top)).astype(np.uint8), 0, 255, cv2.THRESH_OTSU)
    return threshold * top / 255


def _filled(mask: Mask, hole_max_px: float) -> Mask:
    """Return the mask with its small holes filled."""
    _, parts, statistics, _ = cv2.connectedComponentsWithStats((~mask).view(np.uint8), connectivity=4)
    small = statistics[:, cv2.CC_STAT_AREA] <= hole_max_px
    small[0] = True  # part 0 is the mask itself
    return small[parts]


def _kept(label_map: LabelMap, keep: Bool[np.ndarray, " cell"]) -> LabelMap:
    """Return the map with the kept numbers only, as 1..n; others become background."""
    new_number = np.zeros(len(keep) + 1, np.int32)
    new_number[1:][keep] = np.arange(1, np.count_nonzero(keep) + 1)
    return new_number[label_map]


def _blurred(plane: Plane, sigma_px: float) -> Plane:
    # below a third of a pixel the kernel is a single point
    return cv2.GaussianBlur(plane, (0, 0), sigma_px) if sigma_px > 1 / 3 else plane


def _enlarged(label_map: LabelMap, size: tuple[int, int]) -> Int32[np.ndarray, "full_height full_width"]:
    return cv2.resize(label_map, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)


def _odd_width(width_px: float) -> int:
    """Return the nearest odd width."""
    return 2 * round((width_px - 1) / 2) + 1 if width_px > 1 else 1
