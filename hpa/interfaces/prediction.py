"""Protocols of the parts that inference is made of; axes are named as in `batches`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Float

from hpa.interfaces.batches import CellBatch, CellPrediction, CellRecord, SegmentedField


@runtime_checkable
class Predictor(Protocol):
    """Predicts batches of cells: a model, or a wrapper of predictors (test-time augmentation)."""

    def predict(self, batch: CellBatch) -> CellPrediction:
        """Return probabilities of the batch's cells."""


@runtime_checkable
class FieldPredictor(Protocol):
    """Predicts segmented fields: a model with its pre-processing, or an ensemble of such."""

    def predict(self, fields: Sequence[SegmentedField]) -> list[CellPrediction]:
        """Return one prediction a field, its rows in the order of the label map (cell 1 first)."""


@runtime_checkable
class Fusion(Protocol):
    """Combines the predictions of a cell and of its whole image (`fusion=`)."""

    def __call__(self, prediction: CellPrediction) -> Float[Any, "cell class"]:
        """Return one confidence a cell and class (numpy), higher is more confident."""


@runtime_checkable
class Rule(Protocol):
    """Changes confidences after the network (`rules=`): border, area, nucleus, negative class."""

    def __call__(self, field: SegmentedField, probabilities: Float[Any, "cell class"]) -> Float[Any, "cell class"]:
        """Return the changed confidences (numpy), higher is more confident."""


@runtime_checkable
class CellSink(Protocol):
    """Writes cells beside the submission, block by block, so that a killed run can go on (`also=`).

    `start`, `add` for each image of the block in the order of the table (failed images are left out), `finish`; all in
    one thread. An incomplete block is started again from nothing.

    Attributes:
        suffix: What the name of the result has in place of the submission's `.csv`, e.g. `.cells.parquet`.
    """

    suffix: str

    def start(self, block: Path) -> None:
        """Begin a block; its files and folders have names that begin with that of `block`."""

    def add(self, record: CellRecord) -> None:
        """Add the cells of one image; keep no reference to its pixels, so that memory stays bounded."""

    def finish(self) -> None:
        """Complete the files of the block; they must be whole on disk when this returns."""

    def join(self, blocks: Sequence[Path], out: Path) -> None:
        """Combine all blocks, named as in `start`, in order; `out` is the submission beside the result."""
