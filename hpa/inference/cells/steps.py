"""The steps of inference on cells: read and segment a field, classify its cells, fuse, apply rules, encode masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hpa.core.encoding import encode_label_map
from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.core.image_table import ImageTable
from hpa.core.submission import format_prediction
from hpa.core.submission_table import PREDICTION_COLUMN
from hpa.inference.steps import Pending, Row, Written
from hpa.inference.stopwatch import Stopwatch
from hpa.interfaces import (
    CellPrediction,
    CellRecord,
    FieldPredictor,
    FileSegmenter,
    Fusion,
    ImageSource,
    Rule,
    SegmentedField,
    Segmenter,
    Split,
)


@dataclass(frozen=True)
class PreparedField:
    """A field with its cells, and their masks as text."""

    segmented: SegmentedField
    masks: tuple[str, ...]


@dataclass(frozen=True)
class PredictedField:
    """A field after the networks."""

    prepared: PreparedField
    prediction: CellPrediction


@dataclass(frozen=True)
class FinishedField:
    """A field with the confidences that stand in the submission."""

    record: CellRecord
    masks: tuple[str, ...]


@dataclass(frozen=True)
class FieldSteps:
    """From a field in memory to the confidences of its cells.

    Attributes:
        segmenter: Finds cells, in several threads at once.
        fusion: Combines cell and image.
        rules: Change confidences, in this order.
        stopwatch: Takes the time of segmenting and encoding.
    """

    segmenter: Segmenter
    fusion: Fusion
    rules: Sequence[Rule]
    stopwatch: Stopwatch

    def prepare(self, field: Field) -> PreparedField:
        """Return a field with its cells."""
        with self.stopwatch.stage("segment"):
            [segmentation] = self.segmenter.segment([field])
        with self.stopwatch.stage("encode"):
            masks = tuple(encode_label_map(segmentation.cells).values())
        return PreparedField(SegmentedField(field, segmentation), masks)

    def predict(self, images: Sequence[PreparedField], predictor: FieldPredictor) -> list[PredictedField]:
        """Return the fields with the predictions of their cells."""
        predictions = predictor.predict([image.segmented for image in images])
        return [PredictedField(*pair) for pair in zip(images, predictions, strict=True)]

    def finish(self, predicted: PredictedField) -> FinishedField:
        """Return the confidences after fusion and rules."""
        segmented = predicted.prepared.segmented
        confidences = self.fusion(predicted.prediction)
        for rule in self.rules:
            confidences = rule(segmented, confidences)
        return FinishedField(CellRecord(segmented, predicted.prediction, confidences), predicted.prepared.masks)


@dataclass(frozen=True)
class CellSteps:
    """From a field's files to its row `ID,ImageWidth,ImageHeight,PredictionString`.

    Attributes:
        source: Reads fields, in several threads at once.
        split: Which of the source's lists the images stand in.
        fields: What happens to a field once it is read.
    """

    source: ImageSource
    split: Split
    fields: FieldSteps
    columns: tuple[str, ...] = ("ID", "ImageWidth", "ImageHeight", PREDICTION_COLUMN)

    def require_usable(self, table: ImageTable) -> None:
        """Raise InputError if the segmenter needs a channel that the source lacks."""
        del table  # every image has all channels of its source
        missing = [channel for channel in self.fields.segmenter.channels if channel not in self.source.channels]
        if missing:
            raise InputError(
                f"the segmenter needs {', '.join(missing)}, but data.channels are {', '.join(self.source.channels)}; "
                "add what is missing or choose another segmenter."
            )

    def identity(self, image_id: str) -> str:
        """Name the content of a field's files, and of its label map where that is read from a file."""
        segmenter = self.fields.segmenter
        label_map = segmenter.fingerprint_of(image_id) if isinstance(segmenter, FileSegmenter) else ""
        return f"{self.source.identity(image_id, self.split)} {label_map}"

    def prepare(self, image_id: str) -> PreparedField:
        """Return a field with its cells."""
        with self.fields.stopwatch.stage("read"):
            field = self.source.read(image_id, self.split)
        return self.fields.prepare(field)

    def predict(self, images: Sequence[PreparedField], predictor: FieldPredictor) -> list[PredictedField]:
        """Return the fields with the predictions of their cells."""
        return self.fields.predict(images, predictor)

    def finish(self, predicted: PredictedField) -> FinishedField:
        """Return the confidences after fusion and rules."""
        return self.fields.finish(predicted)

    def format(self, image: Pending, finished: FinishedField) -> Written:
        """Return the row; its size is that of the field as it was read."""
        record = finished.record
        height, width = record.segmented.field.pixels.shape[1:]
        text = format_prediction(finished.masks, record.confidences)
        return Written(image, (image.image_id, width, height, text), len(record.confidences), record)

    def blank_row(self, image: Pending) -> Row:
        """Return the row of a field without predictions, with its size from the table."""
        return (image.image_id, image.width, image.height, "")
