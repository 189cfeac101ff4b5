"""Small real parts: networks of a few weights, fields of rectangular cells, a data set of files in a folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import settings
from torch import nn

from hpa.core.channels import CHANNELS
from hpa.core.classes import LOCATION_NAMES
from hpa.core.errors import InputError, Problem
from hpa.core.field import Field, Segmentation
from hpa.core.image_table import COLUMNS, ImageTable
from hpa.inference.blocks import BlockSizes
from hpa.inference.budget import AS_CONFIGURED, Budget, Fallback
from hpa.inference.cells.crop_member import CropMember
from hpa.inference.cells.fusion import NoFusion
from hpa.inference.cells.predictor import ModelPredictor
from hpa.inference.cells.steps import CellSteps, FieldSteps
from hpa.inference.output import Output, RunResult
from hpa.inference.pipeline import Pipeline
from hpa.inference.shared_run import write_shared
from hpa.inference.stopwatch import Stopwatch
from hpa.interfaces import CellBatch, CellOutput, SegmentedField

settings.register_profile("untimed", deadline=None)  # the first call of a network is far slower than the next
settings.load_profile("untimed")

SIDE_PX = 8
CLASS_COUNT = 3


class BrightnessModel(nn.Module):
    """Mean brightness of each channel, then a linear layer: the same under every symmetry of the crop."""

    def __init__(self, channel_count: int = len(CHANNELS), class_count: int = CLASS_COUNT, seed: int = 0) -> None:
        super().__init__()
        self.head = nn.Linear(channel_count, class_count)
        _draw(self, seed)

    def forward(self, batch: CellBatch) -> CellOutput:
        features = batch.crops.mean(dim=(2, 3))
        return CellOutput(features, self.head(features))


class PositionModel(nn.Module):
    """A weight for each pixel: another prediction under every symmetry."""

    def __init__(self, channel_count: int = len(CHANNELS), class_count: int = CLASS_COUNT, seed: int = 0) -> None:
        super().__init__()
        self.head = nn.Linear(channel_count * SIDE_PX**2, class_count)
        _draw(self, seed)

    def forward(self, batch: CellBatch) -> CellOutput:
        pixels = batch.crops.flatten(1)  # (cell, channel * side * side)
        return CellOutput(pixels[:, :5], self.head(pixels))


def _draw(model: nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weights in model.parameters():
            weights.copy_(torch.randn(weights.shape, generator=generator) / weights.shape[-1] ** 0.5)


def field_of_cells(
    image_id: str, cell_count: int, height: int = 64, width: int = 96, seed: int = 0, dtype: type = np.uint8
) -> SegmentedField:
    """Return noise with rectangular cells on a grid; the first ones touch the upper edge."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, np.iinfo(dtype).max, (len(CHANNELS), height, width), dtype, endpoint=True)
    cells = np.zeros((height, width), np.int32)
    columns = max(1, int(np.ceil(np.sqrt(cell_count * width / height))))
    rows = max(1, int(np.ceil(cell_count / columns)))
    step_y, step_x = height // rows, width // columns
    for cell in range(cell_count):
        top, left = cell // columns * step_y, cell % columns * step_x
        tall, wide = rng.integers(2, step_y, endpoint=True), rng.integers(2, step_x, endpoint=True)
        cells[top : top + tall, left : left + wide] = cell + 1
    return SegmentedField(Field(image_id, pixels, CHANNELS, 0.08), Segmentation(cells))


def member_of(model: nn.Module, batch_cells: int = 5, **changes: Any) -> CropMember:
    """Return a member that sees small masked crops."""
    predictor = ModelPredictor(model, torch.device("cpu"), "fp32")
    settings = {"channels": CHANNELS, "side_px": SIDE_PX, "masked": True, "margin": 0.1, "workers": 2}
    return CropMember(predictor, batch_cells=batch_cells, **(settings | changes))


class FolderSource:
    """An `ImageSource` of `<id>.npy` files; segments them too, from `<id>.cells.npy`."""

    channels = CHANNELS
    class_names = LOCATION_NAMES
    cell_truth = None

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sizes: dict[str, tuple[int, int]] = {}

    def add(self, item: SegmentedField) -> None:
        name = item.field.image_id
        np.save(self.folder / f"{name}.npy", item.field.pixels)
        np.save(self.folder / f"{name}.cells.npy", item.segmentation.cells)
        self.sizes[name] = item.field.pixels.shape[1:]

    def table(self, split: str, problems: Sequence[Problem] = ()) -> ImageTable:
        rows = [(name, *size, 8, 0.08, "", "test", name, -1) for name, size in self.sizes.items()]
        frame = pd.DataFrame(rows, columns=list(COLUMNS))
        return ImageTable(frame, self.class_names, str(self.folder), tuple(problems))

    def read(self, image_id: str, split: str) -> Field:
        path = self.folder / f"{image_id}.npy"
        if not path.is_file():
            raise InputError(f"{image_id}: {path} is missing; copy it there.")
        return Field(image_id, np.load(path), self.channels, 0.08)

    def identity(self, image_id: str, split: str) -> str:
        return str(self.folder / image_id)

    def segment(self, fields: Sequence[Field]) -> list[Segmentation]:
        return [Segmentation(np.load(self.folder / f"{field.image_id}.cells.npy")) for field in fields]

    def fingerprint(self) -> dict[str, Any]:
        return {"folder": str(self.folder)}


@pytest.fixture
def source(tmp_path: Path) -> FolderSource:
    folder = tmp_path / "images"
    folder.mkdir()
    return FolderSource(folder)


@pytest.fixture(scope="session")
def make_field() -> Callable[..., SegmentedField]:
    return field_of_cells


@pytest.fixture(scope="session")
def make_member() -> Callable[..., CropMember]:
    return member_of


@pytest.fixture(scope="session")
def brightness_model() -> type[BrightnessModel]:
    return BrightnessModel


@pytest.fixture(scope="session")
def position_model() -> type[PositionModel]:
    return PositionModel


@pytest.fixture
def run_pipeline(tmp_path: Path) -> Callable[..., RunResult]:
    """Runs the pipeline on a source that segments too; every part and setting can be changed."""

    def run(source: FolderSource, table: ImageTable | None = None, **changes: Any) -> RunResult:
        parts: dict[str, Any] = {
            "segmenter": source, "fusion": NoFusion(), "rules": [], "shard": None, "settings": {}, "sinks": (),
            "block_images": 100, "fields_at_once": 2, "megapixels_at_once": 1.0, "workers": 2,
            "budget": Budget(None, 0.0, True), "out": tmp_path / "submission.csv",
            "on_progress": lambda done, total: None,
        } | changes  # fmt: skip
        predictor = parts.get("predictor") or member_of(PositionModel())
        stopwatch = Stopwatch()
        pipeline = Pipeline(
            CellSteps(source, "test", FieldSteps(parts["segmenter"], parts["fusion"], parts["rules"], stopwatch)),
            stopwatch,
            parts.get("fallbacks") or [Fallback(AS_CONFIGURED, predictor)],
            BlockSizes(parts["block_images"], parts["fields_at_once"], parts["megapixels_at_once"]),
            parts["workers"],
            parts["budget"],
            time.monotonic(),
        )
        output = Output(parts["out"], parts["shard"], parts["settings"], parts["sinks"])
        table = table or source.table("test")
        if parts.get("shared"):
            return write_shared(pipeline, table, output, parts["on_progress"], parts.get("check") or (lambda: None))
        return pipeline.write(table, output, parts["on_progress"])

    return run
