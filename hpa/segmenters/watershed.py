"""Classical segmentation of nuclei and cells by watersheds: no weights, the embedded default.

Nuclei are regions brighter than their neighbourhood (after Otsu, 1979), split where their distance map has several
maxima; cells are what the cytoplasm stains cover, split by a flood from the nuclei (seeded watershed: Meyer and
Beucher, 1990; nuclei as primary, cells as secondary objects: Carpenter et al., Genome Biology 7:R100, 2006). Sizes are
in µm, so that one setting serves all magnifications; segmentation runs on a downsampled copy, and label maps are
enlarged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int32
from skimage.segmentation import watershed

from hpa.core.errors import InputError
from hpa.core.field import Field, Segmentation
from hpa.core.label_map import areas_of
from hpa.segmenters.watershed_levels import (
    WatershedLevels,
    above,
    coarse_size,
    darkest_of,
    noise_step_px,
    odd_width,
    otsu,
    smoothed,
    stretched,
    top_level,
)
from hpa.segmenters.watershed_split import split_touching

_CODE_VERSION = 1
"""Rises whenever the same settings give other cells, so that stored label maps are made again."""

Plane = Float32[np.ndarray, "height width"]
Mask = Bool[np.ndarray, "height width"]
LabelMap = Int32[np.ndarray, "height width"]


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

    nucleus_channel: str = "blue"
    cell_channels: Sequence[str] = ("red", "yellow")
    work_um: float = 0.32
    smoothing_um: float = 0.5
    background_um: float = 50.0
    neighbourhood_um: float = 12.0
    nucleus_local_share: float = 0.4
    nucleus_global_share: float = 0.8
    nucleus_contrast: float = 4.0
    merge_share: float = 0.85
    nucleus_min_um2: float = 15.0
    hole_max_um2: float = 40.0
    opening_um: float = 1.0
    cell_share: float = 0.8
    cell_min_um2: float = 40.0
    reach_um: float = 40.0
    distance_share: float = 0.5

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
        full = field.pixels.shape[1:]
        size, um = self.work_size(full, field.pixel_um)
        planes = {channel: self._flattened(field.plane(channel), size, um) for channel in self.channels}
        cells, nuclei = self.found(planes, self._levels(planes, um), um)
        return Segmentation(_enlarged(cells, full), None if nuclei is None else _enlarged(nuclei, full))

    def work_size(self, full: tuple[int, int], pixel_um: float) -> tuple[tuple[int, int], float]:
        """Return the size of the downsampled copy of an image, px, and the side of its pixels, µm.

        Raises:
            InputError: If the side of a pixel is not known.
        """
        if not pixel_um > 0:  # NaN too
            raise InputError(
                "the side of a pixel is not known, and cells are found by their size; give data.pixel_um in µm, or a "
                "column pixel_um."
            )
        shrink = max(1.0, self.work_um / pixel_um)
        return (max(1, round(full[0] / shrink)), max(1, round(full[1] / shrink))), pixel_um * shrink

    def found(
        self, planes: Mapping[str, Plane], levels: WatershedLevels, um: float
    ) -> tuple[LabelMap, LabelMap | None]:
        """Return cells and nuclei of the downsampled copy, or of a window of it; nuclei None where they are the cells.

        Args:
            planes: By channel, background subtracted.
            levels: Thresholds of the whole image.
            um: Side of a pixel.
        """
        mask = self._nucleus_mask(planes[self.nucleus_channel], levels, um)
        nuclei = split_touching(mask, summit_px=1 / um, merge_share=self.merge_share)
        nuclei = _kept(nuclei, areas_of(nuclei) * um**2 >= self.nucleus_min_um2)
        if not self.cell_channels:
            return nuclei, None
        cells = self._grown(nuclei, [planes[channel] for channel in self.cell_channels], levels, um)
        large = areas_of(cells) * um**2 >= self.cell_min_um2
        return _kept(cells, large), _kept(nuclei, large)

    def _levels(self, planes: Mapping[str, Plane], um: float) -> WatershedLevels:
        """Return the thresholds of a whole image."""
        root = np.sqrt(planes[self.nucleus_channel])  # photon noise is even on this scale: dim nuclei count too
        threshold = otsu(root)
        dark, bright = root[root <= threshold], root[root > threshold]
        noise = _noise_of(root, noise_step_px(self.smoothing_um, um))
        if not bright.size or bright.mean() - dark.mean() < self.nucleus_contrast * noise:
            return WatershedLevels()
        stains = [planes[channel] for channel in self.cell_channels]
        tops = tuple(_top_of(plane) for plane in stains)
        return WatershedLevels(threshold, tops, otsu(stretched(stains, tops)) if stains else 0.0)

    def _flattened(self, plane: np.ndarray, size: tuple[int, int], um: float) -> Plane:
        """Return a plane in [0, 1], shrunk and smoothed, its background subtracted."""
        small = cv2.resize(plane, size[::-1], interpolation=cv2.INTER_AREA)
        small = smoothed(small, self.smoothing_um, um)
        coarse = cv2.resize(small, coarse_size(self.background_um, size, um)[::-1], interpolation=cv2.INTER_AREA)
        darkest = darkest_of(coarse, self.background_um, um)
        return above(small, cv2.resize(darkest, size[::-1], interpolation=cv2.INTER_LINEAR))

    def _nucleus_mask(self, plane: Plane, levels: WatershedLevels, um: float) -> Mask:
        """Return where nuclei are: bright in the image and in their neighbourhood."""
        if levels.nucleus is None:
            return np.zeros(plane.shape, bool)
        window = odd_width(self.neighbourhood_um / um)
        peak = cv2.blur(cv2.dilate(plane, np.ones((window, window), np.uint8)), (window, window))
        bright = np.sqrt(plane) > self.nucleus_global_share * levels.nucleus
        filled = _filled(bright & (plane > self.nucleus_local_share * peak), self.hole_max_um2 / um**2)
        width = odd_width(max(self.opening_um / um, 3.0))
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
        return cv2.morphologyEx(filled.view(np.uint8), cv2.MORPH_OPEN, disc).astype(bool)

    def _grown(self, nuclei: LabelMap, planes: Sequence[Plane], levels: WatershedLevels, um: float) -> LabelMap:
        """Return the cell of each nucleus, with its number."""
        if not nuclei.any():
            return nuclei
        cytoplasm = stretched(planes, levels.tops)
        cover = (cytoplasm > self.cell_share * levels.cell) | (nuclei > 0)
        outside = (nuclei == 0).astype(np.uint8)
        distance = cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_5) * np.float32(um / self.reach_um)
        mask = _filled(cover, self.hole_max_um2 / um**2) & (distance < 1)
        relief = self.distance_share * distance - (1 - self.distance_share) * cytoplasm
        return watershed(relief, nuclei, mask=mask).astype(np.int32)  # type: ignore[no-untyped-call]  # has no types


def _top_of(plane: Plane) -> float:
    mean, deviation = cv2.meanStdDev(plane)
    return top_level(float(mean[0, 0]), float(deviation[0, 0]))


def _noise_of(plane: Plane, step_px: int) -> float:
    """Return the standard deviation of the noise, estimated from nearby pixels; edges are few and do not count."""
    step = max(1, step_px)
    differences = np.abs(plane[::4, step::2] - plane[::4, :-step:2])
    return float(np.median(differences)) / (0.6745 * 2**0.5) if differences.size else 0.0


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


def _enlarged(label_map: LabelMap, size: tuple[int, int]) -> Int32[np.ndarray, "full_height full_width"]:
    return cv2.resize(label_map, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
