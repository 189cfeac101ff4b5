"""What a field costs, seen cell by cell or whole: CPU time of one thread for a field of 2048 px with 20 cells.

    python -m benchmarks.views [BACKBONE]

Forward alone, then with what comes between the decoded field and the network (cutting, or shrinking and laying cells
over the grid). Time depends on neither weights nor pixels, so both are random.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from hpa.core.channels import CHANNELS
from hpa.core.field import Field, Segmentation
from hpa.inference.cells.crop_member import CropMember
from hpa.inference.cells.field_member import FieldMember
from hpa.inference.cells.predictor import ModelPredictor
from hpa.interfaces import CellBatch, CellPrediction, FieldPredictor, SegmentedField
from hpa.models.crop import CropModel
from hpa.models.heads import LinearHead
from hpa.models.whole_image import WholeImageModel

SIDE_PX = 2048
CELL_PX = 380
CELLS = (4, 5)
REPEATS = 3
STRIDE, WIDTH = 16, 128
HEAD = partial(LinearHead, drop_rate=0.0, prior=0.1)


class Timed:
    """A predictor that adds up the CPU time it takes."""

    def __init__(self, predictor: ModelPredictor) -> None:
        self.predictor = predictor
        self.seconds = 0.0

    def predict(self, batch: CellBatch) -> CellPrediction:
        """Return what the predictor says."""
        start = time.process_time()
        prediction = self.predictor.predict(batch)
        self.seconds += time.process_time() - start
        return prediction


def drawn_field() -> SegmentedField:
    """Return noise with round cells on a grid."""
    pixels = np.random.default_rng(0).integers(0, 255, (len(CHANNELS), SIDE_PX, SIDE_PX), np.uint8)
    cells = np.zeros((SIDE_PX, SIDE_PX), np.int32)
    y, x = np.mgrid[:CELL_PX, :CELL_PX] - CELL_PX / 2
    disc = y**2 + x**2 < (CELL_PX / 2) ** 2
    for number in range(CELLS[0] * CELLS[1]):
        top, left = number // CELLS[1] * (SIDE_PX // CELLS[0]), number % CELLS[1] * (SIDE_PX // CELLS[1])
        cells[top : top + CELL_PX, left : left + CELL_PX][disc] = number + 1
    return SegmentedField(Field("drawn", pixels, CHANNELS, 0.08), Segmentation(cells))


def crops_of(backbone: str, side_px: int) -> tuple[Timed, FieldPredictor]:
    """Return a network of crops and the member around it."""
    model = CropModel(backbone, HEAD, len(CHANNELS), 19, None, False, 0.0, None, 0.05, 0.13)
    timed = Timed(ModelPredictor(model, torch.device("cpu"), "fp32"))
    return timed, CropMember(timed, CHANNELS, side_px, masked=True, margin=0.0, batch_cells=20, workers=1)


def fields_of(backbone: str, side_px: int) -> tuple[Timed, FieldPredictor]:
    """Return a network of fields and the member around it."""
    model = WholeImageModel(backbone, HEAD, len(CHANNELS), 19, None, False, 0.0, STRIDE, WIDTH, 0.05, 0.13)
    timed = Timed(ModelPredictor(model, torch.device("cpu"), "fp32"))
    return timed, FieldMember(timed, CHANNELS, side_px, STRIDE, batch_cells=64, workers=1)


def row_of(name: str, pictures: int, side_px: int, make: Callable[[str, int], tuple[Timed, FieldPredictor]]) -> str:
    """Return one line of the table: the median of repeats after one that is not counted."""
    timed, member = make(sys.argv[1] if len(sys.argv) > 1 else "resnet18", side_px)
    field, forward, whole = drawn_field(), [], []
    for _ in range(REPEATS + 1):
        timed.seconds, start = 0.0, time.process_time()
        member.predict([field])
        whole.append(time.process_time() - start)
        forward.append(timed.seconds)
    megapixels = pictures * side_px**2 / 1e6
    return f"| {name} | {megapixels:.2f} | {np.median(forward[1:]):.2f} | {np.median(whole[1:]):.2f} |"


def main() -> None:
    """Measure and print a Markdown table."""
    torch.set_num_threads(1)
    print("| view | Mpx a field | forward, CPU s | with cutting or shrinking, CPU s |\n|---|---|---|---|")
    for side_px in (128, 224):
        print(row_of(f"20 crops of {side_px}²", 20, side_px, crops_of), flush=True)
    for side_px in (512, 768):
        print(row_of(f"field of {side_px}²", 1, side_px, fields_of), flush=True)


if __name__ == "__main__":
    main()
