"""Labelling the predictions of the HPA networks, against the original's steps on full-size planes."""

# mypy: disallow-untyped-calls=False
# scikit-image has no types, and the plain way is made of its functions
from __future__ import annotations

from functools import partial

import numpy as np
from jaxtyping import Bool, Int, UInt8
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.measure import label
from skimage.morphology import closing, disk, remove_small_holes, remove_small_objects
from skimage.segmentation import find_boundaries, watershed

from benchmarks.cells import field_of_cells
from benchmarks.row import Row, paired_cpu_ms
from hpa.core.matching import count_matches, iou_matrix
from hpa.segmenters.hpa_cell import label_cells

SIDE_PX = 2048
CELLS = 320
IOU = 0.6
MIN_AGREEMENT = 0.97
ROUNDS = 3

Planes = UInt8[np.ndarray, "height width 3"]
LabelMap = Int[np.ndarray, "height width"]


def measure() -> list[Row]:
    """Compare both modes with the plain way; fast cells must be nearly the exact ones."""
    nuclei, cells = _predicted_planes()
    reference = _reference_labels(nuclei, cells)
    rows = []
    for mode in ("exact", "fast"):
        found = label_cells(nuclei, cells, mode=mode)[1]
        agreement = count_matches(iou_matrix(found, reference), IOU).average_precision
        if agreement < MIN_AGREEMENT:
            raise AssertionError(f"AP@{IOU} of {mode} cells against the plain way is {agreement:.3f}")
        ours_ms, peer_ms = paired_cpu_ms(
            partial(label_cells, nuclei, cells, mode=mode), partial(_reference_labels, nuclei, cells), ROUNDS
        )
        same = (found == reference).mean()
        name = (
            f"{mode} labelling of {reference.max()} cells in {SIDE_PX}², {same:.4%} of pixels as the original's steps"
        )
        rows.append(Row(name, ours_ms, peer_ms, peer_ms / ours_ms, "ms"))
    return rows


def _predicted_planes() -> tuple[Planes, Planes]:
    """Return planes as the networks would predict them of a crowded field: nothing, border, body."""
    label_map = field_of_cells(SIDE_PX, CELLS, seed=0)
    depth = ndimage.distance_transform_edt(~find_boundaries(label_map, mode="thick") & (label_map > 0))
    deepest = np.append(0, ndimage.maximum(depth, label_map, np.arange(1, label_map.max() + 1)))[label_map]
    texture = ndimage.gaussian_filter(np.random.default_rng(0).standard_normal(depth.shape), 6)
    body = 0.85 * np.clip(depth / 6, 0, 1) * (1 + 0.05 * texture / texture.std())
    nucleus = np.clip((depth - 0.25 * deepest) / 4, 0, 1) * (label_map > 0)
    inner = ndimage.binary_erosion(label_map > 0, iterations=3)
    border = np.exp(-((depth / 3) ** 2)) * inner
    zero = np.zeros_like(depth)
    as_levels = [np.stack([zero, *planes], axis=-1).clip(0, 1) for planes in ((zero, nucleus), (border, body))]
    return (as_levels[0] * 255).astype(np.uint8), (as_levels[1] * 255).astype(np.uint8)


def _reference_labels(nuclei: Planes, cells: Planes) -> LabelMap:
    """Return cells by the published steps, each a library call on all pixels."""
    body, border = cells[..., 2] / 255, cells[..., 1] / 255
    wall = nuclei[..., 1] / 255 + border
    seeds = label(remove_small_objects((nuclei[..., 2] / 255 > 0.15) & (1 - wall > 0.05), max_size=499), connectivity=1)
    mask = remove_small_holes(nuclei[..., 2] / 255 > 0.4, max_size=999)
    mask = remove_small_objects(mask, max_size=7)
    nuclei_map = watershed(np.zeros(mask.shape), seeds, mask=mask, watershed_line=True)
    nuclei_map = label(remove_small_objects(nuclei_map, max_size=2499))
    region = body > max(0.22, 0.5 * threshold_otsu(body))
    bodies = remove_small_objects(watershed(-body, nuclei_map, mask=region), max_size=5499)
    cores = label(_filled(closing(bodies, disk(6))), connectivity=1)
    grown = watershed(-body, cores, mask=(cores > 0) | (border > 0.05))
    return label(remove_small_objects(label(_filled(grown)), max_size=5499))


def _filled(label_map: LabelMap) -> Bool[np.ndarray, "height width"]:
    return ndimage.binary_fill_holes((label_map > 0) & ~find_boundaries(label_map, connectivity=1, mode="thick"))
