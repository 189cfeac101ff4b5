"""Flows of a field and cells from flows, against the cellpose package itself; no rows where it is not installed."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch

from benchmarks.cells import field_of_cells
from benchmarks.flows import CELLS, SIDE_PX
from benchmarks.row import Row, cpu_ms
from hpa.core.flows import NETWORK_SCALE, flows_of, label_map_from
from hpa.core.label_map import relabel
from hpa.core.matching import iou_matrix


def measure() -> list[Row]:
    """Compare both directions on one field, one thread; flows must point the same way, cells be as near the truth.

    The package is run once and not warmed up: it takes minutes.

    Raises:
        AssertionError: If the two do not agree.
    """
    if find_spec("cellpose") is None:
        return []
    from cellpose import dynamics

    torch.set_num_threads(1)
    label_map = relabel(field_of_cells(SIDE_PX, CELLS, seed=0))
    flows = flows_of(label_map)
    (peer_flows, _), peer_ms = _once(lambda: dynamics.masks_to_flows_gpu(label_map))
    cosine = float((flows * peer_flows).sum(axis=0)[label_map > 0].mean())
    logits = np.where(label_map > 0, 8, -8).astype(np.float32)
    cells = label_map_from(flows, label_map > 0)
    peer_cells, peer_back_ms = _once(lambda: dynamics.compute_masks(NETWORK_SCALE * flows, logits))
    iou, peer_iou = (
        float(iou_matrix(found.astype(np.int32), label_map).max(axis=0).mean()) for found in (cells, peer_cells)
    )
    if cosine < 0.999 or iou < peer_iou - 0.01:
        raise AssertionError(
            f"not the package's result: mean cosine {cosine:.5f}, mean IoU {iou:.3f} to {peer_iou:.3f}"
        )
    ours_ms = cpu_ms(lambda: flows_of(label_map), repeats=5)
    back_ms = cpu_ms(lambda: label_map_from(flows, label_map > 0), repeats=5)
    what = f"{label_map.max()} cells of {SIDE_PX}², the cellpose package"
    return [
        Row(f"flows of {what} (direction cosine {cosine:.4f})", ours_ms, peer_ms, peer_ms / ours_ms, "ms"),
        Row(
            f"masks from flows of {what} (mean IoU {iou:.3f}, package {peer_iou:.3f})",
            back_ms,
            peer_back_ms,
            peer_back_ms / back_ms,
            "ms",
        ),
    ]


def _once(work: Callable[[], Any]) -> tuple[Any, float]:
    """Return the result of a piece of work and its CPU time, ms."""
    begun = time.process_time()
    result = work()
    return result, 1000 * (time.process_time() - begun)
