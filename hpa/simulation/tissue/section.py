"""One section: an organ, cut, stained and scanned at one of two sites.

The first (training) punches round cores and stains with an antibody, all at one pixel size, as the Human Protein Atlas;
the second (test) has pieces that fill the picture, in PAS or H&E, at a pixel size of its own for each organ, as
HuBMAP. A section is 1.2 mm wide whatever its pixels: with 3000 px training images have the true 0.4 µm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

from hpa.core.seeding import seed_of
from hpa.simulation.tissue.kidney import kidney
from hpa.simulation.tissue.large_intestine import large_intestine
from hpa.simulation.tissue.lung import lung
from hpa.simulation.tissue.materials import Blob, Materials, spots_of
from hpa.simulation.tissue.placing import blob_at
from hpa.simulation.tissue.prostate import prostate
from hpa.simulation.tissue.spleen import spleen
from hpa.simulation.tissue.staining import DAB, EOSIN, PAS, photographed, stained
from hpa.sources.hubmap.listing import ORGANS

SECTION_WIDTH_UM = 1200.0
MIN_TEST_SIDE_PX = 160
_TRAIN_UM = 0.4
_TEST_UM = {"kidney": 0.5, "largeintestine": 0.229, "lung": 0.7562, "prostate": 6.263, "spleen": 0.4945}
"""Pixel sizes of the competition; only their ratios to that of training are kept."""
_TEST_STAIN = {"kidney": PAS, "largeintestine": PAS, "lung": EOSIN, "prostate": EOSIN, "spleen": EOSIN}
THICKNESS_UM = {"kidney": 10, "largeintestine": 8, "lung": 5, "prostate": 5, "spleen": 4}
_COARSEST_DRAWING_UM = 2.5
"""Coarser pixels are averages of finer ones: nuclei must not be drawn smaller than a pixel."""
_DRAW: dict[str, Callable[[np.random.Generator, tuple[int, int], float], Materials]] = {
    "kidney": kidney,
    "largeintestine": large_intestine,
    "lung": lung,
    "prostate": prostate,
    "spleen": spleen,
}


@dataclass(frozen=True)
class SyntheticSection:
    """A picture with its truth.

    Attributes:
        organ: One of five.
        stain: Name of the counterstain.
        pixel_um: Side of a pixel.
        picture: Red, green and blue.
        ftu_mask: Pixels of the functional tissue units (FTU); at least one.
    """

    organ: str
    stain: str
    pixel_um: float
    picture: UInt8[np.ndarray, "height width 3"]
    ftu_mask: Bool[np.ndarray, "height width"]


def render_section(seed: int, split: Literal["train", "test"], index: int, train_side_px: int) -> SyntheticSection:
    """Draw section number `index` of a split; organs alternate.

    Args:
        seed: Number of the world.
        split: Which site.
        index: Number of the section, from 0.
        train_side_px: Side of training images; test images are smaller or larger, as their organ's pixels are.
    """
    organ = ORGANS[index % len(ORGANS)]
    rng = np.random.default_rng(seed_of(seed, "tissue", split, index))
    side_px = train_side_px
    if split == "test":
        side_px = max(MIN_TEST_SIDE_PX, round(train_side_px * _TRAIN_UM / _TEST_UM[organ]))
    pixel_um = SECTION_WIDTH_UM / side_px
    finer = int(np.ceil(pixel_um / _COARSEST_DRAWING_UM))
    materials = _DRAW[organ](rng, (side_px * finer, side_px * finer), pixel_um / finer)
    if split == "train":
        _punch(rng, materials)
    stain = DAB if split == "train" else _TEST_STAIN[organ]
    light = cv2.resize(stained(rng, materials, stain), (side_px, side_px), interpolation=cv2.INTER_AREA)
    cover = cv2.resize(materials.ftu_mask.astype(np.float32), (side_px, side_px), interpolation=cv2.INTER_AREA)
    picture = photographed(rng, light, blur_px=float(rng.uniform(0.4, 0.9)))
    return SyntheticSection(organ, stain.name, pixel_um, picture, cover >= 0.5)


def _punch(rng: np.random.Generator, materials: Materials) -> None:
    """Leave a round core: outside there is glass; FTUs that are cut are kept as far as they reach."""
    height_um, width_um = materials.size_um
    core: Blob = blob_at(rng, width_um / 2, height_um / 2, 0.47 * width_um, 1.04, 0.012)
    inside = np.zeros(materials.ftu_mask.shape, bool)
    for spot in spots_of([core], materials):
        inside[spot.window] = spot.depth_um > 0
    materials.opening[~inside] = 1
    materials.ftu_mask[~inside] = False
