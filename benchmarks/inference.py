"""From files to submission.csv, against the way of the notebooks: same network, views, images and cells, one thread.

Each way runs in a process of its own, so that its peak memory is its own. Images an hour are those of an hour of CPU
time. Cells come from label maps on disk for both: finding them costs the same either way.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch

from benchmarks.cells import field_of_cells
from benchmarks.networks import timed_network
from benchmarks.notebook_inference import NotebookInference
from benchmarks.row import Row
from hpa.core.channels import CHANNELS
from hpa.core.dihedral import apply
from hpa.core.submission import parse_prediction
from hpa.core.submission_table import PREDICTION_COLUMN, read_table
from hpa.inference.blocks import BlockSizes
from hpa.inference.budget import Budget, Fallback
from hpa.inference.cells.augmented import AugmentedCells
from hpa.inference.cells.crop_member import CropMember
from hpa.inference.cells.fusion import NoFusion
from hpa.inference.cells.predictor import ModelPredictor
from hpa.inference.cells.steps import CellSteps, FieldSteps
from hpa.inference.output import Output
from hpa.inference.pipeline import Pipeline
from hpa.inference.stopwatch import Stopwatch
from hpa.inference.views import Views
from hpa.interfaces import CellBatch, CellPrediction
from hpa.models.crop import CropModel
from hpa.segmenters.stored import Stored
from hpa.sources.kaggle_hpa import KaggleHpa

IMAGES, SIDE_PX, CELLS, CROP_PX, CLASSES = 6, 2048, 20, 128, 19
BACKBONE = "resnet50"
VIEWS = ("identity", "flip_horizontal", "flip_vertical")
VIEW_COUNTS = (1, 3)
TOLERANCE = 2e-6
NOTEBOOK = "notebook"


@dataclass(frozen=True)
class Cost:
    """What a way needs: CPU seconds in all and in the network, the same by the clock, and its peak memory."""

    total_s: float
    network_s: float
    clock_s: float
    network_clock_s: float
    peak_mb: float


def measure() -> list[Row]:
    """Compare both ways, with one view and with several; scores in fp32 must be equal."""
    with tempfile.TemporaryDirectory() as name:
        _write_images(Path(name))
        return [row for views in VIEW_COUNTS for row in _compare(Path(name), views)]


def _compare(folder: Path, views: int) -> list[Row]:
    """Compare both ways at equal views."""
    ways = (NOTEBOOK, "fp32", "bf16")
    peer, fp32, bf16 = (_cost_in_own_process(folder, way, views) for way in ways)
    expected, exact, rough = (_confidences(folder / f"{way}.csv") for way in ways)
    difference = float(np.abs(exact - expected).max())
    if difference > TOLERANCE:
        raise AssertionError(f"the two ways differ by {difference:.2g}")
    same_top = (rough.argmax(axis=1) == expected.argmax(axis=1)).mean()
    what = f"{views} view(s) of {CELLS} cells in {SIDE_PX}², {BACKBONE} at {CROP_PX} px"
    return [
        _speed(f"{what}: fp32, scores equal to {difference:.0e}", fp32, peer),
        _speed(f"{what}: bf16, most probable class equal in {same_top:.1%}", bf16, peer),
        *[
            _share(f"{what}: share of the network in the {kind}, {name}", ours, peer, by_clock)
            for name, ours in (("fp32", fp32), ("bf16", bf16))
            for kind, by_clock in (("CPU time", False), ("time that passes", True))
        ],
        Row(f"{what}: peak memory, fp32", fp32.peak_mb, peer.peak_mb, peer.peak_mb / fp32.peak_mb, "MB"),
    ]


def _speed(name: str, ours: Cost, peer: Cost) -> Row:
    hourly = [3600 * IMAGES / cost.total_s for cost in (ours, peer)]
    return Row(name, hourly[0], hourly[1], hourly[0] / hourly[1], "images/h")


def _share(name: str, ours: Cost, peer: Cost, by_clock: bool) -> Row:
    shares = [
        100 * (cost.network_clock_s / cost.clock_s if by_clock else cost.network_s / cost.total_s)
        for cost in (ours, peer)
    ]
    return Row(name, shares[0], shares[1], shares[0] / shares[1], "%")


def _write_images(folder: Path) -> None:
    """Write fields, label maps and the list of a small test set."""
    rng = np.random.default_rng(0)
    for part in ("test", "label_maps"):
        (folder / part).mkdir()
    names = [f"image{number}" for number in range(IMAGES)]
    for number, name in enumerate(names):
        cells = field_of_cells(SIDE_PX, CELLS, seed=number)
        inside = cv2.GaussianBlur((cells > 0).astype(np.float32), (0, 0), 8)  # stains of one field lie in its cells
        for channel in CHANNELS:
            light = cv2.GaussianBlur(rng.gamma(1.0, 40, (SIDE_PX, SIDE_PX)).astype(np.float32), (0, 0), 2)
            plane = rng.poisson(light * inside).clip(0, 255).astype(np.uint8)
            cv2.imwrite(str(folder / "test" / f"{name}_{channel}.png"), plane)
        cv2.imwrite(str(folder / "label_maps" / f"{name}.png"), cells.astype(np.uint16))
    rows = [f"{name},{SIDE_PX},{SIDE_PX},0 1 eNoLCAgIMAEABJkBdQ==\n" for name in names]
    (folder / "sample_submission.csv").write_text("".join(["ID,ImageWidth,ImageHeight,PredictionString\n", *rows]))


def _cost_in_own_process(folder: Path, way: str, views: int) -> Cost:
    command = [sys.executable, "-m", "benchmarks.inference", str(folder), way, str(views)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def _confidences(path: Path) -> np.ndarray:
    """Return confidences (cell, class) of all images."""
    texts = [row.text for row in read_table(path, PREDICTION_COLUMN)]
    return np.concatenate([parse_prediction(text).confidences for text in texts]).reshape(-1, CLASSES)


class _Clocked:
    """A predictor whose time is summed."""

    def __init__(self, predictor: ModelPredictor) -> None:
        self._predictor = predictor
        self.seconds = 0.0
        self.clock_seconds = 0.0

    def predict(self, batch: CellBatch) -> CellPrediction:
        began, clock_began = time.thread_time(), time.monotonic()
        prediction = self._predictor.predict(batch)
        self.seconds += time.thread_time() - began
        self.clock_seconds += time.monotonic() - clock_began
        return prediction


def _run_ours(folder: Path, model: CropModel, symmetries: Sequence[str], precision: str) -> tuple[float, float]:
    """Write the submission by the package's pipeline; return the seconds of the network, of the CPU and the clock."""
    network = _Clocked(ModelPredictor(model, torch.device("cpu"), precision))
    views = Views(symmetries, scales=(1.0,), brightness=(1.0,), average="probabilities")
    member = CropMember(
        AugmentedCells(network, views), CHANNELS, side_px=CROP_PX, masked=True, margin=0.0, batch_cells=64, workers=2
    )
    source = KaggleHpa(folder, CHANNELS, pixel_um=0.08, cell_truth=None, metadata=None)
    stopwatch = Stopwatch()
    steps = CellSteps(source, "test", FieldSteps(Stored(folder / "label_maps"), NoFusion(), (), stopwatch))
    budget = Budget(None, 0.0, stops=False)
    sizes = BlockSizes(block_images=16, fields_at_once=4, megapixels_at_once=17)
    fallbacks = [Fallback("as configured", member)]
    pipeline = Pipeline(steps, stopwatch, fallbacks, sizes, 2, budget, time.monotonic())
    pipeline.write(source.table("test"), Output(folder / f"{precision}.csv", None, {}), lambda *_: None)
    return network.seconds, network.clock_seconds


def _run_notebook(folder: Path, model: CropModel, symmetries: Sequence[str]) -> tuple[float, float]:
    """Write the submission by plain loops; return the seconds of the network, of the CPU and the clock."""
    loops = NotebookInference(model, [partial(apply, name=view) for view in symmetries], CHANNELS, CROP_PX)
    for number in range(IMAGES):
        loops.predict(folder / "test", folder / "label_maps", f"image{number}")
    header = "ID,ImageWidth,ImageHeight,PredictionString\n"
    (folder / f"{NOTEBOOK}.csv").write_text("".join([header, *loops.rows]))
    return loops.network_s, loops.network_clock_s


def main() -> None:
    """Run one way alone and print its cost."""
    folder, way, symmetries = Path(sys.argv[1]), sys.argv[2], VIEWS[: int(sys.argv[3])]
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    model = timed_network(BACKBONE, len(CHANNELS), CLASSES, spread=30.0).eval()
    began, clock_began = time.process_time(), time.monotonic()
    run = _run_notebook if way == NOTEBOOK else partial(_run_ours, precision=way)
    network = run(folder, model, symmetries=symmetries)
    total_s, clock_s = time.process_time() - began, time.monotonic() - clock_began
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(json.dumps(asdict(Cost(total_s, network[0], clock_s, network[1], peak_mb))) + "\n")


if __name__ == "__main__":
    main()
