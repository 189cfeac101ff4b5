"""Flows of a field and cells from flows, against Cellpose's recurrence over the whole image."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Float64, Int32
from scipy import ndimage

from benchmarks.cells import field_of_cells
from benchmarks.row import Row, cpu_ms
from hpa.core.flows import flows_of, label_map_from
from hpa.core.label_map import relabel

SIDE_PX = 1104
CELLS = 121
ROWS_AND_COLUMNS = [(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1)]
EULER_STEPS = 200
SEED_REACH_PX = 5


def measure() -> list[Row]:
    """Compare both directions on one field; flows must point the same way."""
    label_map = relabel(field_of_cells(SIDE_PX, CELLS, seed=0))
    flows, peer_flows = flows_of(label_map), whole_image_flows(label_map)
    cosine = float((flows * peer_flows).sum(axis=0)[label_map > 0].mean())
    if cosine < 0.999:
        raise AssertionError(f"flows differ from the recurrence: mean direction cosine {cosine:.5f}")
    ours_ms = cpu_ms(lambda: flows_of(label_map), repeats=5)
    peer_ms = cpu_ms(lambda: whole_image_flows(label_map), repeats=1)
    back_ms = cpu_ms(lambda: label_map_from(flows, label_map > 0), repeats=5)
    peer_back_ms = cpu_ms(lambda: euler_masks(flows, label_map), repeats=1)
    what = f"{label_map.max()} cells of {SIDE_PX}²"
    return [
        Row(f"flows of {what} (direction cosine {cosine:.4f})", ours_ms, peer_ms, peer_ms / ours_ms, "ms"),
        Row(f"masks from flows of {what}, errors checked", back_ms, peer_back_ms, peer_back_ms / back_ms, "ms"),
    ]


def whole_image_flows(label_map: Int32[np.ndarray, "height width"]) -> Float64[np.ndarray, "2 height width"]:
    """Diffuse from all centres at once, twice as many steps as the largest cell has rows and columns."""
    framed = np.pad(label_map, 1)
    row, column = np.nonzero(framed)
    pitch = framed.shape[1]
    around = np.stack([(row + up) * pitch + column + right for up, right in ROWS_AND_COLUMNS])  # (neighbour, pixel)
    numbers = framed.reshape(-1)
    same = numbers[around] == numbers[around[0]]
    centres, extent = [], 0
    for number, box in enumerate(ndimage.find_objects(framed), start=1):
        pixels = np.argwhere(framed[box] == number)
        middle = np.rint(pixels.mean(axis=0))
        nearest = pixels[((pixels - middle) ** 2).sum(axis=1).argmin()]
        centres.append((nearest[0] + box[0].start) * pitch + nearest[1] + box[1].start)
        extent = max(extent, sum(axis.stop - axis.start for axis in box) + 2)
    heat = np.zeros(framed.size)
    for _ in range(2 * extent):
        heat[centres] += 1
        heat[around[0]] = (heat[around] * same).mean(axis=0)
    slope = np.stack([heat[around[2]] - heat[around[1]], heat[around[4]] - heat[around[3]]])
    flows = np.zeros((2, *label_map.shape))
    flows[:, row - 1, column - 1] = slope / (1e-60 + np.sqrt((slope**2).sum(axis=0)))
    return flows


def euler_masks(
    flows: Float32[np.ndarray, "2 height width"], label_map: Int32[np.ndarray, "height width"]
) -> Int32[np.ndarray, "height width"]:
    """Follow the flows step by step, seed cells at the peaks of where pixels end, drop cells with other flows."""
    row, column = np.nonzero(label_map)
    end_row, end_column = _followed(flows, row, column)
    ends = np.zeros([side + 4 * SEED_REACH_PX for side in label_map.shape], np.int64)
    place = (end_row + 2 * SEED_REACH_PX, end_column + 2 * SEED_REACH_PX)
    np.add.at(ends, place, 1)
    seeds = np.argwhere((ends == ndimage.maximum_filter(ends, 5)) & (ends > 10))
    sinks = np.zeros(ends.shape, np.int32)
    for number, (top, left) in enumerate(sorted(seeds.tolist(), key=lambda seed: ends[tuple(seed)]), start=1):
        window = np.s_[top - SEED_REACH_PX : top + SEED_REACH_PX + 1, left - SEED_REACH_PX : left + SEED_REACH_PX + 1]
        grown = np.zeros(ends[window].shape, bool)
        grown[SEED_REACH_PX, SEED_REACH_PX] = True
        for _ in range(SEED_REACH_PX):
            grown = ndimage.maximum_filter(grown, 3) & (ends[window] > 2)
        sinks[window][grown] = number
    cells = np.zeros(label_map.shape, np.int32)
    cells[row, column] = sinks[place]
    cells = relabel(cells)
    difference = ((whole_image_flows(cells) - flows) ** 2).sum(axis=0)
    errors = ndimage.mean(difference, cells, np.arange(cells.max() + 1))
    return np.where((errors <= 0.4)[cells], cells, 0).astype(np.int32)


def _followed(
    flows: Float32[np.ndarray, "2 height width"], row: np.ndarray, column: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Take Euler steps of the flow between pixels (bilinear) and return the pixel each has come to."""
    height, width = flows.shape[1:]
    raveled = flows.reshape(2, -1)
    y, x = row.astype(np.float32), column.astype(np.float32)
    for _ in range(EULER_STEPS):
        top, left = np.minimum(y.astype(np.int64), height - 2), np.minimum(x.astype(np.int64), width - 2)
        down, right = y - top, x - left
        corner = top * width + left
        step = (1 - down) * (1 - right) * raveled[:, corner] + (1 - down) * right * raveled[:, corner + 1]
        step += down * (1 - right) * raveled[:, corner + width] + down * right * raveled[:, corner + width + 1]
        y, x = np.clip(y + step[0], 0, height - 1), np.clip(x + step[1], 0, width - 1)
    return y.astype(np.int64), x.astype(np.int64)
