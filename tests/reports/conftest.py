"""A small finished run: three fields of different depth, eighteen cells, four classes, nothing read from disk."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hpa.core.field import Field, Segmentation
from hpa.interfaces import SegmentedField
from hpa.reports.class_styles import class_styles
from hpa.reports.facts import RunFacts

CHANNELS = ("red", "green", "blue", "yellow")
NAMES = ("Nucleoplasm", "Golgi apparatus", "Mitotic spindle", "Negative")
STYLES = class_styles(4)
CELLS_A_FIELD = 6


def field_of(image_id: str) -> SegmentedField:
    number = int(image_id.removeprefix("image"))
    rng = np.random.default_rng(number)
    # Six square cells in two rows; the third field is of 16 bit.
    label_map = np.zeros((60, 90), np.int32)
    for cell in range(CELLS_A_FIELD):
        top, left = 5 + 28 * (cell // 3), 5 + 28 * (cell % 3)
        label_map[top : top + 22, left : left + 22] = cell + 1
    depth = (np.uint8, np.uint16)[number == 2]
    pixels = (rng.random((4, 60, 90)) * (label_map > 0) * np.iinfo(depth).max).astype(depth)
    return SegmentedField(Field(image_id, pixels, CHANNELS, 0.32), Segmentation(label_map))


def crops_of(rows: np.ndarray) -> np.ndarray:
    return np.stack([np.random.default_rng(row).random((4, 16, 16), np.float32) for row in rows])


def maps_of(rows: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """The corner of a cell that its class numbers supports it, the rest against it."""
    maps = np.full((len(rows), 16, 16), -1, np.float32)
    maps[np.arange(len(rows)), 0, classes] = 1
    return maps


def history_of(epochs: int) -> pd.DataFrame:
    steps = np.arange(epochs, dtype=float)
    return pd.DataFrame(
        {
            "epoch": np.arange(1, epochs + 1),
            "step": 10 * (np.arange(epochs) + 1),
            "train_loss": 1 / (steps + 1),
            "val_loss": 1 / (steps + 2),
            "val_image_map": 0.5 - 0.1 * np.abs(steps - 2),
            "val_cell_map": 0.4 - 0.1 * np.abs(steps - 2),
            "seconds": 30.0,
        }
    )


@pytest.fixture
def facts_with() -> Callable[..., RunFacts]:
    """Make the facts of a run, some of them replaced."""
    rng = np.random.default_rng(0)
    cells = pd.DataFrame(
        [(f"image{image}", cell) for image in range(3) for cell in range(1, CELLS_A_FIELD + 1)],
        columns=["image_id", "cell"],
    )
    truth = np.eye(4, dtype=np.float32)[rng.choice([0, 1, 3], len(cells))]
    truth[[0, 7], 1] = 1
    probabilities = np.clip(0.5 * truth + 0.5 * rng.random(truth.shape), 0, 1).astype(np.float32)
    facts = RunFacts(
        title="A run",
        command="python train.py",
        config_text="model:\n  side_px: 128\n",
        history=history_of(5),
        class_names=NAMES,
        class_styles=STYLES,
        cells=cells,
        probabilities=probabilities,
        image_targets=np.maximum(truth, [[1, 0, 0, 0]]).astype(np.float32),
        cell_targets=truth,
        field_of=field_of,
        crops_of=crops_of,
        channels=CHANNELS,
        maps_of=maps_of,
        score={"map": 0.25, "ap": {"0": 0.125, "1": None}},
        seed=7,
        commit="0123abcd",
    )
    return lambda **changes: replace(facts, **changes)


@pytest.fixture
def facts(facts_with: Callable[..., RunFacts]) -> RunFacts:
    """The run as it is."""
    return facts_with()


@pytest.fixture
def facts_without_cells(facts_with: Callable[..., RunFacts]) -> RunFacts:
    """A run whose validation images hold no cell."""
    nothing = np.zeros((0, 4), np.float32)
    return facts_with(
        cells=pd.DataFrame({"image_id": [], "cell": []}),
        probabilities=nothing,
        image_targets=nothing,
        cell_targets=None,
    )
