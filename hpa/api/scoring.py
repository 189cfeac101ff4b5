"""Scores against the ground truth: `hpa.score`, `hpa.score_segmentation`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from jaxtyping import Integer

from hpa.api.predictions import Predictions
from hpa.core.classes import LOCATION_NAMES
from hpa.core.errors import InputError
from hpa.metrics.detection_tables import TableScore, score_tables

if TYPE_CHECKING:
    import pandas as pd

LabelMap = Integer[np.ndarray, "height width"]


@dataclass(frozen=True)
class Score:
    """The score of a submission.

    Attributes:
        map: Mean of the AP of the classes with ground truth, in [0, 1].
        bound: The most that these masks can reach.
        classes: One row a class: `ap`, `bound`, `true_cells`, by the names of the classes.
    """

    map: float
    bound: float
    classes: pd.DataFrame


def score(
    submission: Predictions | pd.DataFrame | str | Path,
    truth: pd.DataFrame | str | Path,
    *,
    iou: float = 0.6,
    verified: Literal["all", "truth"] = "all",
    class_names: Sequence[str] = LOCATION_NAMES,
) -> Score:
    """Return the single-cell mAP of the HPA competition.

    Args:
        submission: Predictions, or a table with ID, ImageWidth, ImageHeight, PredictionString, or its file.
        truth: A table with ID, ImageWidth, ImageHeight, TruthString, or its file.
        iou: Least IoU of a matched mask.
        verified: Classes that count in an image: all, or those with ground truth in it.
        class_names: Name of each class.

    Raises:
        InputError: If a table cannot be read.
        DataError: With every malformed row.
    """
    table = submission.to_submission() if isinstance(submission, Predictions) else submission
    with _file_of(table, "submission.csv") as predicted, _file_of(truth, "truth.csv") as true:
        return _as_score(score_tables(predicted, true, iou, verified), class_names)


def score_segmentation(predicted: LabelMap | Sequence[LabelMap], true: LabelMap | Sequence[LabelMap]) -> pd.DataFrame:
    """Return AP, PQ, F1, precision and recall of label maps at IoU 0.50, 0.55 … 0.95, the cells of all images pooled.

    Args:
        predicted: Label map of an image, or of each image.
        true: The same of the ground truth, in the same order.

    Raises:
        InputError: If their numbers or sizes differ.
    """
    import pandas as pd

    from hpa.metrics.segmentation import SCORES, THRESHOLDS, count_image, score_images

    for one in (predicted, true):
        for label_map in [one] if isinstance(one, np.ndarray) else one:
            _require_label_map(label_map)
    maps = [predicted] if isinstance(predicted, np.ndarray) else list(predicted)
    true_maps = [true] if isinstance(true, np.ndarray) else list(true)
    if len(maps) != len(true_maps):
        raise InputError(f"{len(maps)} predicted label maps need as many true ones, came {len(true_maps)}.")
    pooled = score_images([count_image(*pair) for pair in zip(maps, true_maps, strict=True)]).pooled
    columns = {name: [value(counts) for counts in pooled] for name, value in SCORES.items()}
    return pd.DataFrame(columns, index=pd.Index(THRESHOLDS, name="iou"))


def _require_label_map(given: object) -> None:
    if not isinstance(given, np.ndarray) or given.ndim != 2 or given.dtype.kind not in "iu":
        came = f"{given.dtype} of shape {given.shape}" if isinstance(given, np.ndarray) else f"{given!r:.60}"
        raise InputError(
            f"a label map is an array of integers of shape (height, width), 0 for background; came {came}. Label maps "
            "of several images are a list; hpa score-segmentation reads files."
        )


def _as_score(result: TableScore, class_names: Sequence[str]) -> Score:
    import pandas as pd

    shown = result.score.classes[: len(class_names)]
    rows = [{"ap": one.ap, "bound": one.bound, "true_cells": one.true_cells} for one in shown]
    classes = pd.DataFrame(rows, index=pd.Index(class_names[: len(rows)], name="class"))
    return Score(result.score.mean, result.score.bound, classes)


@contextmanager
def _file_of(table: pd.DataFrame | str | Path, name: str) -> Iterator[Path]:
    """Give the file of a table; one in memory is written to a folder that is removed again."""
    if isinstance(table, str | Path):
        yield Path(table)
        return
    import pandas as pd

    if not isinstance(table, pd.DataFrame):
        raise InputError(f"{name}: a table (pandas.DataFrame) or the path of a .csv is expected; came {table!r:.60}.")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        table.to_csv(file, index=False)
        yield file
