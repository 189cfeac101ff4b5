"""Where a training epoch's time goes on a CPU: the network, or loading; and what loading would take without the store.

The store's crops are read and augmented as a run does it. The peer decodes the PNGs of a field and cuts all its cells
at once, so that a field is decoded once an epoch: the cheapest way without a store, with cells of few fields a batch.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from benchmarks.cells import field_of_cells
from benchmarks.networks import timed_network
from benchmarks.row import Row, cpu_ms
from benchmarks.training_step import CLASSES, focal
from hpa.cells.crop_records import measures_of, write_crops
from hpa.cells.crops import CellCrops, CropSpec, crop_cells
from hpa.cells.dataset import CellDataset
from hpa.cells.sampling.sampler import BatchRequest
from hpa.cells.stored_cells import StoredCells, StoredImage
from hpa.config import build
from hpa.core.channels import CHANNELS
from hpa.core.field import Field, Segmentation
from hpa.interfaces import CellAugmentation, CellBatch
from hpa.suggestions import compose_slot

ROOT = Path(__file__).resolve().parents[1]
FIELD_PX, CELLS, IMAGES, BATCH = 2048, 22, 16, 48
SPEC = CropSpec(CHANNELS, side_px=96, masked=True, margin=0.0)


def measure() -> list[Row]:
    """Time a batch's reading, its augmentation, its training step, and the cutting that the store saves."""
    torch.set_num_threads(1)
    segmentation = Segmentation(field_of_cells(FIELD_PX, CELLS, seed=0))
    noise = np.random.default_rng(0).gamma(1.0, 40, (len(CHANNELS), FIELD_PX, FIELD_PX))
    field = Field("field", noise.clip(0, 255).astype(np.uint8), CHANNELS, 0.08)
    pngs = [np.asarray(cv2.imencode(".png", plane)[1]) for plane in field.pixels]
    with tempfile.TemporaryDirectory() as name:
        stored = _written(Path(name), _cut(field, segmentation), segmentation)
        request = BatchRequest(0, np.random.default_rng(0).integers(0, len(stored), BATCH))
        plain, augmented = _dataset(stored, None), _dataset(stored, _augmentation())
        read_ms = cpu_ms(lambda: plain[request], repeats=20)
        load_ms = cpu_ms(lambda: augmented[request], repeats=5)
        step_ms = _step_ms(augmented[request])

    def cut_anew() -> CellCrops:
        planes = np.stack([np.asarray(cv2.imdecode(png, cv2.IMREAD_UNCHANGED)) for png in pngs])
        return _cut(Field("field", planes, CHANNELS, 0.08), segmentation)

    cut_ms = cpu_ms(cut_anew, repeats=3) * BATCH / CELLS
    augmenting_ms = load_ms - read_ms
    what = f"{BATCH} cells of {SPEC.side_px}² into a batch"
    against = f"against decoding {FIELD_PX}² PNGs once for all their {CELLS} cells"
    return [
        Row(
            f"time in ResNet-18, of a training step of {BATCH} cells of {SPEC.side_px}² with loading (ratio: share)",
            step_ms,
            step_ms + load_ms,
            step_ms / (step_ms + load_ms),
            "ms",
        ),
        Row(f"{what}, {against}", read_ms, cut_ms, cut_ms / read_ms, "ms"),
        Row("the same, augmented", load_ms, cut_ms + augmenting_ms, (cut_ms + augmenting_ms) / load_ms, "ms"),
    ]


def _step_ms(batch: CellBatch) -> float:
    """Return CPU time of one thread for forward, loss, backward, clipping and the optimizer's step."""
    model, loss = timed_network("resnet18", len(CHANNELS), CLASSES).train(), focal()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)

    def step() -> None:
        optimizer.zero_grad()
        loss(model(batch).logits, batch.image_targets[batch.image_of_cell]).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return cpu_ms(step, repeats=5)


def _dataset(stored: StoredCells, augmentation: CellAugmentation | None) -> CellDataset:
    return CellDataset(stored, np.zeros((IMAGES, CLASSES), np.float32), None, augmentation, seed=0)


def _augmentation() -> CellAugmentation:
    config = compose_slot(ROOT, "train", "augment", [])
    assert config is not None  # augment=standard is the default
    return build(config)


def _cut(field: Field, segmentation: Segmentation) -> CellCrops:
    return crop_cells(field, segmentation, SPEC)


def _written(folder: Path, crops: CellCrops, segmentation: Segmentation) -> StoredCells:
    """Write the crops as those of many images."""
    images, measures = [], measures_of(segmentation)
    for index in range(IMAGES):
        path = folder / f"{index}.npy"
        write_crops(path, crops, measures)
        images.append(StoredImage(str(index), "", folder / "none.tif", path, 8, len(crops)))
    return StoredCells(images, [measures] * IMAGES, SPEC)
