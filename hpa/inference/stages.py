"""What happens to an image between its files and its row: read, segment, encode; predict; fuse, apply rules, format.

An image that fails is passed on as `Failed`, so that every image keeps its place in the order; so is one that no time
was left for, as `Skipped`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hpa.core.encoding import encode_label_map
from hpa.core.errors import InputError, Problem
from hpa.core.submission import format_prediction
from hpa.core.submission_table import TableRow
from hpa.inference.stopwatch import Stopwatch
from hpa.interfaces import (
    CellPrediction,
    CellRecord,
    FieldPredictor,
    Fusion,
    ImageSource,
    Rule,
    SegmentedField,
    Segmenter,
    Split,
)


@dataclass(frozen=True)
class Pending:
    """An image of the table: its row still without cells, and why it cannot be used where the reader knows."""

    row: TableRow
    reason: str | None


@dataclass(frozen=True)
class Prepared:
    """An image with its cells, and their masks as text."""

    row: TableRow
    segmented: SegmentedField
    masks: list[str]


@dataclass(frozen=True)
class Predicted:
    """An image after the network."""

    prepared: Prepared
    prediction: CellPrediction


@dataclass(frozen=True)
class Finished:
    """An image's row with its cells, and what else is known of them."""

    row: TableRow
    record: CellRecord


@dataclass(frozen=True)
class Failed:
    """An image that keeps its blank row; `error` is what was raised, None where the table already told the problem."""

    row: TableRow
    problem: Problem
    error: Exception | None


@dataclass(frozen=True)
class Skipped:
    """An image that keeps its blank row because no time was left for it."""

    row: TableRow


@dataclass(frozen=True)
class Stages:
    """The parts of a run as steps from one image to its row.

    Attributes:
        source: Reads fields, in several threads at once.
        split: Which of the source's lists the images stand in.
        segmenter: Finds cells, in several threads at once.
        fusion: Joins cell and image.
        rules: Change confidences, in this order.
        stopwatch: Is told the time of each stage.
    """

    source: ImageSource
    split: Split
    segmenter: Segmenter
    fusion: Fusion
    rules: Sequence[Rule]
    stopwatch: Stopwatch

    def prepare(self, listed: Pending) -> Prepared | Failed:
        """Return an image with its cells."""
        row = listed.row
        if listed.reason is not None:
            return Failed(row, Problem(row.image_id, listed.reason), None)
        try:
            with self.stopwatch.stage("read"):
                field = self.source.read(row.image_id, self.split)
            with self.stopwatch.stage("segment"):
                [segmentation] = self.segmenter.segment([field])
            with self.stopwatch.stage("encode"):
                masks = list(encode_label_map(segmentation.cells).values())
        except Exception as error:  # decoders and segmenters raise anything; one image must not stop a run of hours
            return _failed(row, error)
        height, width = field.pixels.shape[1:]
        return Prepared(TableRow(row.image_id, width, height, ""), SegmentedField(field, segmentation), masks)

    def predict(self, images: Sequence[Prepared | Failed], predictor: FieldPredictor) -> list[Predicted | Failed]:
        """Return the images with what a predictor says of them, all in the same batches."""
        prepared = [image for image in images if isinstance(image, Prepared)]
        with self.stopwatch.stage("predict"):
            predicted = iter(_predicted(prepared, predictor))
        return [next(predicted) if isinstance(image, Prepared) else image for image in images]

    def finish(self, image: Predicted | Failed | Skipped) -> Finished | Failed | Skipped:
        """Return the image's row."""
        if not isinstance(image, Predicted):
            return image
        row, masks = image.prepared.row, image.prepared.masks
        try:
            with self.stopwatch.stage("finish"):
                confidences = self.fusion(image.prediction)
                for rule in self.rules:
                    confidences = rule(image.prepared.segmented, confidences)
                text = format_prediction(masks, confidences)
        except InputError as error:
            return _failed(row, error)
        record = CellRecord(image.prepared.segmented, image.prediction, confidences)
        return Finished(TableRow(row.image_id, row.width, row.height, text), record)


def _predicted(images: Sequence[Prepared], predictor: FieldPredictor) -> list[Predicted | Failed]:
    """Return the images with what a predictor says of them."""
    if not images:
        return []
    try:
        predictions = predictor.predict([image.segmented for image in images])
    except InputError as error:
        if len(images) == 1:
            return [_failed(images[0].row, error)]
        # the error may lie with one image: asked one by one, the others get their results
        return [answer for image in images for answer in _predicted([image], predictor)]
    return [Predicted(*pair) for pair in zip(images, predictions, strict=True)]


def _failed(row: TableRow, error: Exception) -> Failed:
    """Return the failed image with a reason that can stand behind its id."""
    reason = str(error).removeprefix(f"{row.image_id}: ")
    if not isinstance(error, InputError):
        reason = f"{type(error).__name__}: {reason}"
    return Failed(row, Problem(row.image_id, reason), error)
