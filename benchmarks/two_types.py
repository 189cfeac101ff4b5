"""What a mixed image of two cell types costs beside the network: CPU milliseconds of each step, as infer.py takes them.

`python -m benchmarks.two_types` prints the steps; the common table sets what is written of an image (label map as TIFF,
rows of one table, COCO) against one PNG of the size of the image a cell, as a well-known script for such images wrote.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from benchmarks.row import Row, cpu_ms
from hpa.cells.crops import CropSpec, crop_cells
from hpa.config import build
from hpa.core.encoding import encode_label_map
from hpa.core.submission import format_prediction
from hpa.inference.exports.cells import CellsExport
from hpa.inference.exports.coco import CocoExport
from hpa.inference.exports.label_maps import LabelMapsExport
from hpa.interfaces import CellPrediction, CellRecord, CellSink, SegmentedField, Segmenter
from hpa.simulation.two_cell_types import write_two_cell_types
from hpa.sources.typed_images import TypedImages
from hpa.suggestions import compose_slot

SIDE_PX = 1104
CROP_PX = 64
FEATURES = 512
NAMES = ("HEK", "N2a")
FOUND_BY = ("segmenter.cell_channels=[green]", "segmenter.work_um=0.5")
"""As experiments=hek_n2a/crops has it."""
REPEATS = 5
SEED = 4
"""Its first mixed image is as dense as they become."""
ROOT = Path(__file__).resolve().parents[1]

Step = Callable[[], object]


@dataclass(frozen=True)
class Steps:
    """The steps of one image, and how many cells it has."""

    cells: int
    of: dict[str, Step]


def measure() -> list[Row]:
    """Compare what is written of one image with a PNG of the image's size for every cell."""
    with _steps() as steps:
        ours = cpu_ms(steps.of["write"], REPEATS)
        peer = cpu_ms(steps.of["peer"], repeats=1)
    return [Row(f"{steps.cells} cells of {SIDE_PX}² written, against a PNG a cell", ours, peer, peer / ours, "ms")]


def main() -> None:
    """Print the cost of each step."""
    with _steps() as steps:
        took = {name: cpu_ms(step, REPEATS) for name, step in steps.of.items() if name != "peer"}
    print(f"one image of {SIDE_PX}² px with {steps.cells} cells, ms of one thread\n\n| step | ms |\n|---|---|")
    for name, ms in (took | {"all but the network": sum(took.values())}).items():
        print(f"| {name} | {ms:.0f} |")


@contextmanager
def _steps() -> Iterator[Steps]:
    """Give the steps on a mixed image."""
    cv2.setNumThreads(1)
    part = compose_slot(ROOT, "infer", "segmenter", ["segmenter=watershed", *FOUND_BY])
    segmenter: Segmenter = build(part or {})
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_two_cell_types(folder / "world", images=2, side_px=SIDE_PX, seed=SEED, test_images=1)
        source = TypedImages(folder / "world", ["green", "blue"], None, NAMES)
        field = source.read("Mixed_0000", "test")
        [segmentation] = segmenter.segment([field])
        masks = list(encode_label_map(segmentation.cells).values())
        sure = np.random.default_rng(0).uniform(size=(len(masks), len(NAMES))).astype(np.float32)
        prediction = CellPrediction(torch.from_numpy(sure), torch.zeros(len(masks), FEATURES))
        record = CellRecord(SegmentedField(field, segmentation), prediction, sure)
        sinks: list[CellSink] = [CellsExport(NAMES), CocoExport(NAMES), LabelMapsExport()]
        spec = CropSpec(field.channels, CROP_PX, masked=True, margin=0.1)
        yield Steps(
            len(masks),
            {
                "read": lambda: source.read("Mixed_0000", "test"),
                "find cells": lambda: segmenter.segment([field]),
                "crop cells": lambda: crop_cells(field, segmentation, spec),
                "encode masks": lambda: encode_label_map(segmentation.cells),
                "row of the submission": lambda: format_prediction(masks, sure),
                "write": lambda: _write(sinks, record, folder),
                "peer": lambda: _write_a_picture_a_cell(record, folder),
            },
        )


def _write(sinks: list[CellSink], record: CellRecord, folder: Path) -> None:
    """Write table, COCO and label maps of one image, as a block of its own."""
    for sink in sinks:
        sink.start(folder / "block")
        sink.add(record)
        sink.finish()


def _write_a_picture_a_cell(record: CellRecord, folder: Path) -> None:
    """Write each cell as a colour picture of the size of the image, black around it."""
    field, cells = record.segmented.field, record.segmented.segmentation.cells
    picture = np.stack([field.plane("blue"), field.plane("green"), np.zeros_like(field.pixels[0])], axis=-1)
    for cell in range(1, int(cells.max()) + 1):
        cv2.imwrite(str(folder / f"cell_{cell}.png"), picture * (cells == cell)[..., None])


if __name__ == "__main__":
    main()
