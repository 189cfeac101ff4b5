"""48 random cells out of the cell store, against reading them from compressed `.npz` files and cutting them anew."""

from __future__ import annotations

import tempfile
from pathlib import Path

import cv2
import numpy as np

from benchmarks.cells import field_of_cells
from benchmarks.row import Row, cpu_ms
from hpa.cells.crop_records import CellMeasures, measures_of, write_crops
from hpa.cells.crops import CellCrops, CropSpec, crop_cells
from hpa.cells.stored_cells import StoredCells, StoredImage
from hpa.core.channels import CHANNELS
from hpa.core.field import Field, Segmentation

SIDE_PX = 2048
CELLS = 22
IMAGES = 64
BATCH = 48
SPEC = CropSpec(CHANNELS, side_px=128, masked=True, margin=0.05)


def measure() -> list[Row]:
    """Compare reads of a batch, and the cutting that the store saves."""
    segmentation = Segmentation(field_of_cells(SIDE_PX, CELLS, seed=0))
    field = _field()
    crops, measures = _cut(field, segmentation), measures_of(segmentation)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stored = _written(folder, crops, measures)
        rows = np.random.default_rng(0).integers(0, len(stored), BATCH)
        encoded = [np.asarray(cv2.imencode(".png", plane)[1]) for plane in field.pixels]

        def from_npz() -> list[object]:
            images = stored.cells["image"].to_numpy()[rows]
            return [np.load(folder / f"{image}.npz")["pixels"] / np.float32(255) for image in images.tolist()]

        def from_png() -> CellCrops:
            planes = np.stack([np.asarray(cv2.imdecode(plane, cv2.IMREAD_UNCHANGED)) for plane in encoded])
            return _cut(Field(field.image_id, planes, CHANNELS, field.pixel_um), segmentation)

        ours_ms = cpu_ms(lambda: stored.crops(rows), repeats=20)
        npz_ms = cpu_ms(from_npz, repeats=3)
        anew_ms = cpu_ms(from_png, repeats=3) * BATCH  # each of the cells lies in another image
    what = f"read {BATCH} random cells of {SPEC.side_px}², 4 channels, as float32"
    return [
        Row(f"{what}, against compressed npz files", ours_ms, npz_ms, npz_ms / ours_ms, "ms"),
        Row(
            f"{what}, against decoding and cutting {SIDE_PX}² images (one timed, x {BATCH})",
            ours_ms,
            anew_ms,
            anew_ms / ours_ms,
            "ms",
        ),
    ]


def _field() -> Field:
    rng = np.random.default_rng(0)
    light = cv2.GaussianBlur(rng.gamma(1.0, 40, (SIDE_PX, SIDE_PX)).astype(np.float32), (0, 0), 2)
    planes = np.stack([rng.poisson(light) for _ in CHANNELS]).clip(0, 255).astype(np.uint8)
    return Field("field", planes, CHANNELS, 0.08)


def _cut(field: Field, segmentation: Segmentation) -> CellCrops:
    return crop_cells(field, segmentation, SPEC)


def _written(folder: Path, crops: CellCrops, measures: CellMeasures) -> StoredCells:
    """Write the crops as those of many images, in both formats."""
    images = []
    for index in range(IMAGES):
        path = folder / f"{index}.npy"
        write_crops(path, crops, measures)
        np.savez_compressed(folder / f"{index}.npz", pixels=crops.pixels, regions=crops.regions)
        images.append(StoredImage(str(index), "", folder / "none.tif", path, 8, len(crops)))
    return StoredCells(images, [measures] * IMAGES, SPEC)
