"""`precision=auto` against fp32 for a batch of crops: a network with few close calls, and an untrained one."""

from __future__ import annotations

import statistics
import time

import torch

from benchmarks.networks import timed_network
from benchmarks.row import Row
from hpa.core.channels import CHANNELS
from hpa.device import choose_precision
from hpa.inference.cells.predictor import ModelPredictor
from hpa.interfaces import CellBatch

BACKBONE, SIDE_PX, CELLS, CLASSES = "resnet18", 224, 32, 19
SPREAD = {"classes far apart": 30.0, "untrained, all cells are close calls": 0.01}
"""What an untrained head's weights are multiplied by: how far apart its logits lie."""
ROUNDS = 3


def measure() -> list[Row]:
    """Compare both precisions, a batch each in turn, in CPU time of one thread."""
    torch.set_num_threads(1)
    device = torch.device("cpu")
    precision = choose_precision("auto", device)
    return [_compare(name, factor, precision, device) for name, factor in SPREAD.items()]


def _compare(name: str, factor: float, precision: str, device: torch.device) -> Row:
    """Return milliseconds a cell of both."""
    model = timed_network(BACKBONE, len(CHANNELS), CLASSES, factor)
    ways = [ModelPredictor(model, device, kind) for kind in (precision, "fp32")]
    batch = _batch()
    times: list[list[float]] = [[], []]
    for number in range(ROUNDS + 1):
        for way, seconds in zip(ways, times, strict=True):
            began = time.process_time()
            way.predict(batch)
            if number:  # the first call prepares the weights
                seconds.append(time.process_time() - began)
    ours_ms, peer_ms = (1000 * statistics.median(seconds) / CELLS for seconds in times)
    text = f"a cell in {BACKBONE} at {SIDE_PX} px, {name}: auto ({precision}), against fp32"
    return Row(text, ours_ms, peer_ms, peer_ms / ours_ms, "ms")


def _batch() -> CellBatch:
    noise = torch.Generator().manual_seed(0)
    return CellBatch(
        crops=torch.rand(CELLS, len(CHANNELS), SIDE_PX, SIDE_PX, generator=noise),
        image_of_cell=torch.zeros(CELLS, dtype=torch.int64),
        cell_id=torch.arange(1, CELLS + 1),
        cells_in_image=torch.tensor([CELLS]),
        image_targets=torch.zeros(1, CLASSES),
    )
