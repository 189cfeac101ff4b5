"""The steps of inference on tissue: read an image, predict the probability of every pixel, make its mask, encode it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Float32

from hpa.core.encoding import encode_column_runs
from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.core.image_table import ImageTable
from hpa.inference.steps import Pending, Row, Written
from hpa.inference.stopwatch import Stopwatch
from hpa.inference.tissue.member import TissuePredictor
from hpa.interfaces import Split


@runtime_checkable
class ReadsImages(Protocol):
    """An `ImageSource`, as far as masks need one."""

    def read(self, image_id: str, split: Split) -> Field:
        """Read one image; InputError says which file is wrong and why."""

    def identity(self, image_id: str, split: Split) -> str:
        """Name an image's content without decoding it."""


@runtime_checkable
class MakesMasks(Protocol):
    """Thresholds (`thresholds=`), or what stands in for them."""

    def mask(
        self, probabilities: Float[np.ndarray, "height width"], image_id: str, organ: str, pixel_um: float
    ) -> Bool[np.ndarray, "height width"]:
        """Return the mask of an image; it is never empty."""


@dataclass(frozen=True)
class PredictedTissue:
    """An image with the probability of the inside of each pixel."""

    field: Field
    probabilities: Float32[np.ndarray, "height width"]


@dataclass(frozen=True)
class TissueSteps:
    """From an image's file to its row `id,rle`.

    Attributes:
        source: Reads images, in several threads at once.
        split: Which of the source's lists they stand in.
        thresholds: Make masks of probabilities, never an empty one.
        organs: What each image shows, by its id.
        stopwatch: Takes the time of reading.
    """

    source: ReadsImages
    split: Split
    thresholds: MakesMasks
    organs: Mapping[str, str]
    stopwatch: Stopwatch
    columns: tuple[str, ...] = ("id", "rle")

    def require_usable(self, table: ImageTable) -> None:
        """Raise InputError if the organ of an image is not known."""
        if any(image_id not in self.organs for image_id in table.image_ids):
            raise InputError(
                "a submission of tissue needs the organ of each image, and this data set has none; label maps of any "
                "images are written by: hpa segment DIR OUT segmenter=unet segmenter.weights=RUN."
            )

    def identity(self, image_id: str) -> str:
        """Name the content of an image's file."""
        return self.source.identity(image_id, self.split)

    def prepare(self, image_id: str) -> Field:
        """Return an image."""
        with self.stopwatch.stage("read"):
            return self.source.read(image_id, self.split)

    def predict(self, images: Sequence[Field], predictor: TissuePredictor) -> list[PredictedTissue]:
        """Return the images with their probabilities."""
        maps = predictor.predict(images)
        return [PredictedTissue(*pair) for pair in zip(images, maps, strict=True)]

    def finish(self, predicted: PredictedTissue) -> Bool[np.ndarray, "height width"]:
        """Return the mask of an image."""
        field = predicted.field
        return self.thresholds.mask(
            predicted.probabilities, field.image_id, self.organs[field.image_id], field.pixel_um
        )

    def format(self, image: Pending, finished: Bool[np.ndarray, "height width"]) -> Written:
        """Return the row: the mask as 1-based runs down the columns."""
        return Written(image, (image.image_id, encode_column_runs(finished)), 1, None)

    def blank_row(self, image: Pending) -> Row:
        """Return the row of an image that failed."""
        return (image.image_id, "")
