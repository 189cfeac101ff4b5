"""What a workload does with one image, in four steps; the run loop around them is the same for every workload.

`prepare` reads an image (in threads), `predict` runs the networks on a group of images, `finish` turns predictions into
results (in threads), `format` writes the row of the submission. An image that fails in a step passes the others as
`Failed`, one that no time was left for as `Skipped`, so that every image keeps its place and its row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

from hpa.core.errors import InputError, Problem
from hpa.core.image_table import ImageTable
from hpa.inference.stopwatch import Stopwatch

Prepared = TypeVar("Prepared")
Predicted = TypeVar("Predicted")
Finished = TypeVar("Finished")
Predictor_contra = TypeVar("Predictor_contra", contravariant=True)
Row = tuple[object, ...]
"""The fields of a row of the submission, in the order of its columns."""


@dataclass(frozen=True)
class Pending:
    """An image of the table: its size in px there, and why it cannot be used where the reader knows."""

    image_id: str
    width: int
    height: int
    reason: str | None


@dataclass(frozen=True)
class Written:
    """The row of an image, how many objects it lists, and all that is known of them for the sinks (`also=`)."""

    image: Pending
    row: Row
    object_count: int
    record: Any


@dataclass(frozen=True)
class Failed:
    """An image that keeps a blank row; `error` is what was raised, None where the table already named the problem."""

    image: Pending
    problem: Problem
    error: Exception | None


@dataclass(frozen=True)
class Skipped:
    """An image that keeps a blank row because no time was left for it."""

    image: Pending


@runtime_checkable
class Steps(Protocol[Prepared, Predicted, Finished, Predictor_contra]):
    """The steps of a workload. Errors of one image are raised; `GuardedSteps` keeps them from ending the run."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Header of the submission."""

    def require_usable(self, table: ImageTable) -> None:
        """Raise InputError for what would fail with every image."""

    def identity(self, image_id: str) -> str:
        """Name the content of the image's files without reading them; InputError if one is missing."""

    def prepare(self, image_id: str) -> Prepared:
        """Read an image and what is known of it before the networks; called in threads."""

    def predict(self, images: Sequence[Prepared], predictor: Predictor_contra) -> list[Predicted]:
        """Run the networks on images that share batches."""

    def finish(self, predicted: Predicted) -> Finished:
        """Turn the predictions of one image into its results; called in threads."""

    def format(self, image: Pending, finished: Finished) -> Written:
        """Return the row of an image; called in threads."""

    def blank_row(self, image: Pending) -> Row:
        """Return the row of an image without results."""


@dataclass(frozen=True)
class InWork:
    """An image between two steps, and what the last step returned for it."""

    image: Pending
    value: Any


@dataclass(frozen=True)
class GuardedSteps:
    """Steps that pass a bad image on as `Failed` instead of raising.

    Attributes:
        steps: Of the workload.
        stopwatch: Takes the time of `predict` and `finish`; `prepare` is timed in parts by the workload.
    """

    steps: Steps[Any, Any, Any, Any]
    stopwatch: Stopwatch

    def prepare(self, image: Pending) -> InWork | Failed:
        """Return an image read from its files."""
        if image.reason is not None:
            return Failed(image, Problem(image.image_id, image.reason), None)
        try:
            return InWork(image, self.steps.prepare(image.image_id))
        except Exception as error:  # decoders and segmenters raise anything; one image must not stop a run of hours
            return _failed(image, error)

    def predict(self, images: Sequence[InWork | Failed], predictor: Any) -> list[InWork | Failed]:
        """Return the images with their predictions, all in the same batches."""
        prepared = [image for image in images if isinstance(image, InWork)]
        with self.stopwatch.stage("predict"):
            predicted = iter(self._predicted(prepared, predictor))
        return [next(predicted) if isinstance(image, InWork) else image for image in images]

    def finish(self, image: InWork | Failed | Skipped) -> Written | Failed | Skipped:
        """Return the image's row."""
        if not isinstance(image, InWork):
            return image
        try:
            with self.stopwatch.stage("finish"):
                return self.steps.format(image.image, self.steps.finish(image.value))
        except InputError as error:
            return _failed(image.image, error)

    def row(self, image: Written | Failed | Skipped) -> Row:
        """Return the row that stands in the submission."""
        return image.row if isinstance(image, Written) else self.steps.blank_row(image.image)

    def _predicted(self, images: Sequence[InWork], predictor: Any) -> list[InWork | Failed]:
        if not images:
            return []
        try:
            predictions = self.steps.predict([image.value for image in images], predictor)
        except InputError as error:
            if len(images) == 1:
                return [_failed(images[0].image, error)]
            # the error may lie with one image: predicted one by one, the others get their results
            return [answer for image in images for answer in self._predicted([image], predictor)]
        return [InWork(image.image, value) for image, value in zip(images, predictions, strict=True)]


def reason_of(error: Exception, image_id: str) -> str:
    """Return an error as the reason that stands behind an image's id; the kind is named where no user caused it."""
    reason = str(error).removeprefix(f"{image_id}: ")
    if isinstance(error, InputError):
        return reason
    return f"{type(error).__name__}: {reason}" if reason else type(error).__name__


def _failed(image: Pending, error: Exception) -> Failed:
    return Failed(image, Problem(image.image_id, reason_of(error, image.image_id)), error)
