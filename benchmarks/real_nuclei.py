"""Fluorescent nuclei of the 2018 Data Science Bowl in six kinds by size, shape, brightness and texture.

Caicedo et al., Nature Methods 16:1247, 2019. Nobody named these kinds: clusters of measurements make classes that
networks can learn, with borders that are as blurred as those of real ones.
"""

# mypy: disable-error-code="no-untyped-call"
# scikit-image has no types
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float64, Int64, UInt8
from scipy.cluster.vq import kmeans2
from scipy.spatial.distance import cdist
from scipy.stats import rankdata
from skimage.measure import regionprops

from hpa.formats.csv_rows import read_rows
from hpa.formats.images import read_image
from hpa.formats.label_maps import read_label_map

KINDS = 6
NEIGHBOURING = 0.2
"""Share of the nuclei that count as the second nearest kind."""
PER_IMAGE = 8
"""So that no image makes a kind by itself."""
_MIN_AREA_PX, _MAX_SIDE_PX, _MARGIN_PX = 60, 56, 3


@dataclass(frozen=True)
class Nucleus:
    """A nucleus within a margin of its background."""

    pixels: UInt8[np.ndarray, "height width"]
    mask: Bool[np.ndarray, "height width"]
    image_id: str
    kind: int


def clustered_nuclei(samples: Path) -> Iterator[Nucleus]:
    """Yield up to PER_IMAGE nuclei of each image, at random, and the kind that each counts as.

    Raises:
        InputError: If an image is missing or cannot be read.
    """
    rng = np.random.default_rng(0)
    cut = [one for image in _image_ids(samples) for one in _cut(samples, image, rng)]
    kinds = _kinds(np.array([measured for _, measured in cut]), rng)
    for (nucleus, _), kind in zip(cut, kinds.tolist(), strict=True):
        yield Nucleus(nucleus.pixels, nucleus.mask, nucleus.image_id, kind)


def _image_ids(samples: Path) -> list[str]:
    index = pd.DataFrame(read_rows(samples / "dsb2018" / "index.csv", ["id", "kind"]))
    return index.loc[index["kind"] == "fluorescence", "id"].tolist()


def _cut(samples: Path, image_id: str, rng: np.random.Generator) -> Iterator[tuple[Nucleus, list[float]]]:
    plane = read_image(samples / "dsb2018" / "images" / f"{image_id}.png").planes[0]
    labels = read_label_map(samples / "dsb2018" / "labels" / f"{image_id}.png")
    height, width = labels.shape
    outside = plane[labels == 0]
    regions = [region for region in regionprops(labels, plane) if _is_whole(region.bbox, height, width, region.area)]
    chosen = rng.permutation(len(regions))[:PER_IMAGE]
    for region in (regions[place] for place in sorted(chosen.tolist())):
        mask = np.pad(region.image, _MARGIN_PX)
        pixels = np.where(mask, np.pad(region.image_intensity, _MARGIN_PX), rng.choice(outside, mask.shape))
        values = plane[region.slice][region.image].astype(np.float64)
        measured = [
            region.area,
            region.eccentricity,
            region.solidity,
            values.mean(),
            values.std() / (values.mean() + 1),
        ]
        yield Nucleus(pixels.astype(np.uint8), mask, image_id, -1), measured


def _is_whole(box: tuple[int, ...], height: int, width: int, area: float) -> bool:
    """Return whether a nucleus touches no border, and is neither a speck nor too large for a field."""
    top, left, bottom, right = box
    inside = top > 0 and left > 0 and bottom < height and right < width
    return inside and area >= _MIN_AREA_PX and max(bottom - top, right - left) <= _MAX_SIDE_PX


def _kinds(
    measured: Float64[np.ndarray, "nucleus measurement"], rng: np.random.Generator
) -> Int64[np.ndarray, " nucleus"]:
    ranks = rankdata(measured, axis=0) / len(measured)
    centres, _ = kmeans2(ranks, KINDS, minit="++", rng=rng)
    nearest = cdist(ranks, centres).argsort(axis=1)
    return nearest[np.arange(len(ranks)), (rng.random(len(ranks)) < NEIGHBOURING).astype(np.int64)]
