"""Encoding all cells of a field, against the function on the competition's page, which takes one full mask a cell."""

from __future__ import annotations

import base64
import zlib

import numpy as np
from jaxtyping import Bool
from pycocotools import mask as coco_mask

from benchmarks.cells import field_of_cells
from benchmarks.row import Row, paired_cpu_ms
from hpa.core.encoding import encode_label_map

SIDE_PX = 2048
CELLS = 30
ROUNDS = 7


def competition_string(mask: Bool[np.ndarray, "height width"]) -> str:
    """Encode one mask the way the competition's page describes."""
    counts = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"]
    return base64.b64encode(zlib.compress(counts, zlib.Z_BEST_COMPRESSION)).decode("ascii")


def measure() -> list[Row]:
    """Compare both on one field; the strings must be identical."""
    label_map = field_of_cells(SIDE_PX, CELLS, seed=0)
    numbers = sorted(set(np.unique(label_map).tolist()) - {0})

    def peer() -> dict[int, str]:
        return {number: competition_string(label_map == number) for number in numbers}

    if encode_label_map(label_map) != peer():
        raise AssertionError("the encoder's strings differ from the competition's")
    ours_ms, peer_ms = paired_cpu_ms(lambda: encode_label_map(label_map), peer, ROUNDS)
    name = f"encode {len(numbers)} cells of {SIDE_PX}², against the competition's function"
    return [Row(name, ours_ms, peer_ms, peer_ms / ours_ms, "ms")]
