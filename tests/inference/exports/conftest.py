"""Records of small fields, and a run of an export over blocks of them."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from hpa.core.field import Field, Segmentation
from hpa.interfaces import CellPrediction, CellRecord, CellSink, SegmentedField

CLASS_NAMES = ("Nucleoplasm", "Golgi apparatus", "Negative")


def record_of(item: SegmentedField, feature_count: int = 5, seed: int = 0) -> CellRecord:
    """Return a field with a random prediction."""
    generator = torch.Generator().manual_seed(seed)
    count = int(item.segmentation.cells.max(initial=0))
    probabilities = torch.rand(count, len(CLASS_NAMES), generator=generator)
    features = torch.randn(count, feature_count, generator=generator)
    return CellRecord(item, CellPrediction(probabilities, features), probabilities.numpy() / 2)


def exported(sink: CellSink, folder: Path, blocks: Sequence[Sequence[CellRecord]], out: Path) -> None:
    """Run a sink as the pipeline does."""
    folder.mkdir(exist_ok=True)
    paths = [folder / f"block_{number:05d}" for number in range(len(blocks))]
    for path, records in zip(paths, blocks, strict=True):
        sink.start(path)
        for record in records:
            sink.add(record)
        sink.finish()
    sink.join(paths, out)


@pytest.fixture
def records(make_field) -> list[CellRecord]:
    """Four images of different sizes; the second has no cell."""
    sizes = [("b", 6, 64, 96), ("none", 0, 30, 50), ("a", 1, 33, 20), ("c", 40, 100, 160)]
    fields = [make_field(name, cells, *size, seed=seed) for seed, (name, cells, *size) in enumerate(sizes)]
    return [record_of(field, seed=seed) for seed, field in enumerate(fields)]


@pytest.fixture
def export(tmp_path) -> Callable[..., Path]:
    """Export blocks beside a submission; returns the submission's path, whose suffix is to be replaced."""

    def export(sink: CellSink, *blocks: Sequence[CellRecord]) -> Path:
        exported(sink, tmp_path / "parts", blocks, tmp_path / "submission.csv")
        return tmp_path / "submission.csv"

    return export


@pytest.fixture
def ring() -> CellRecord:
    """One field of 0.5 µm pixels: a ring with a hole at the upper edge, and a single pixel."""
    cells = np.zeros((10, 12), np.int32)
    cells[0:5, 2:9], cells[2:3, 4:7], cells[8, 10] = 1, 0, 2
    field = Field("ring", np.zeros((1, 10, 12), np.uint8), ("green",), 0.5)
    return record_of(SegmentedField(field, Segmentation(cells, (cells == 2) * np.int32(2))))
