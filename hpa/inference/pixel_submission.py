"""From tissue images to a submission (`id,rle`): read ahead, predicted one by one, written whole at the end."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from hpa.core.encoding import encode_column_runs
from hpa.core.errors import InputError, Problem
from hpa.core.field import Field
from hpa.core.whole_file import whole_file
from hpa.inference.lookahead import map_ahead
from hpa.inference.pixel_members import TissueEnsemble
from hpa.interfaces import Split

_AHEAD = 1
"""Images that are read while another is predicted: reading takes a tenth of the time, and each holds memory."""


@runtime_checkable
class ReadsImages(Protocol):
    """An `ImageSource`, as far as masks need one."""

    def read(self, image_id: str, split: Split) -> Field:
        """Read one image; InputError says which file is wrong and why."""


@runtime_checkable
class MakesMasks(Protocol):
    """Thresholds (`thresholds=`), or what stands in for them."""

    def mask(
        self, probabilities: Float[np.ndarray, "height width"], organ: str, pixel_um: float
    ) -> Bool[np.ndarray, "height width"]:
        """Return the mask of an image; it is never empty."""


@dataclass(frozen=True)
class TissueResult:
    """What came of the images.

    Attributes:
        rows: Id and mask (1-based column runs) of each image, in the order of the table; "" where it failed.
        failed: Why images failed.
    """

    rows: tuple[tuple[str, str], ...]
    failed: tuple[Problem, ...]


@dataclass(frozen=True)
class TissuePipeline:
    """Makes the masks of a data set.

    Attributes:
        source: Reads the images.
        split: Which images.
        ensemble: Says how probably a pixel is inside.
        thresholds: Make masks of that, never an empty one.
    """

    source: ReadsImages
    split: Split
    ensemble: TissueEnsemble
    thresholds: MakesMasks

    def run(self, frame: pd.DataFrame, on_progress: Callable[[int, int], None]) -> TissueResult:
        """Return the masks of the images of a table; one that fails is told and stays blank.

        Raises:
            InputError: If the table does not say the organ of its images.
        """
        if "organ" not in frame:
            raise InputError(
                "a submission of tissue needs the organ of each image, and this data set tells none; label maps of any "
                "images are written by: hpa segment DIR OUT segmenter=unet segmenter.weights=RUN."
            )
        rows: list[tuple[str, str]] = []
        failed: list[Problem] = []
        ids, organs = [[str(value) for value in frame[name]] for name in ("image_id", "organ")]
        with ThreadPoolExecutor(1) as pool:
            fields = map_ahead(pool, self._read, ids, _AHEAD)
            for image_id, organ, field in zip(ids, organs, fields, strict=True):
                try:
                    rows.append((image_id, self._mask_of(field, organ)))
                except InputError as error:
                    failed.append(Problem(image_id, str(error)))
                    rows.append((image_id, ""))
                on_progress(len(rows), len(ids))
        return TissueResult(tuple(rows), tuple(failed))

    def _read(self, image_id: str) -> Field | InputError:
        """Return the image, or why there is none: an error must not end the stream."""
        try:
            return self.source.read(image_id, self.split)
        except InputError as error:
            return error

    def _mask_of(self, field: Field | InputError, organ: str) -> str:
        if isinstance(field, InputError):
            raise field
        mask = self.thresholds.mask(self.ensemble.probabilities(field), organ, field.pixel_um)
        return encode_column_runs(mask)


def write_submission(path: Path, result: TissueResult) -> None:
    """Write the rows, whole or not at all.

    Raises:
        InputError: If the disk is full.
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("id", "rle"), *result.rows])
    content = text.getvalue().encode()
    with whole_file(path, len(content)) as file:
        file.write(content)
