"""The data of a run's page, given by the caller: the page reads no run folder itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Float32, Int64

from hpa.core.errors import InputError
from hpa.interfaces import SegmentedField
from hpa.reports.class_styles import ClassStyle

HISTORY_COLUMNS = ("epoch", "train_loss", "val_loss", "val_image_map", "val_cell_map", "seconds")
MapsOf = Callable[[Int64[np.ndarray, " row"], Int64[np.ndarray, " row"]], Float32[np.ndarray, "row side side"]]


@dataclass(frozen=True)
class RunFacts:
    """A finished run and its predictions of the validation cells.

    Attributes:
        title: Heading of the page.
        command: Command line of the run.
        config_text: Resolved config, as YAML.
        history: metrics.csv, one row an epoch: `epoch` (from 1), `train_loss, val_loss, val_image_map, val_cell_map,
            seconds` (of the epoch) and any others; NaN where a value is not known.
        class_names: Name of each class, in the order of the columns.
        class_styles: Colour and pattern of each class.
        cells: One row a cell: `image_id` (str) and `cell`, its number in the label map (1..n).
        probabilities: Prediction of the model for each cell.
        image_targets: 0/1 labels of the image each cell lies in.
        cell_targets: 0/1 labels of the cells, NaN rows where not known; None where no cell has any.
        field_of: Returns a field and its segmentation by image id.
        crops_of: Returns the crops of rows of `cells`, intensities in [0, 1].
        channels: Name of each plane of a crop.
        maps_of: Returns, of rows of `cells` and the number of a class for each, what each place of the crop contributed
            to the logit of the class (`hpa.models.class_maps`); None where the network has no such maps.
        measures: One row a cell: `area_px`, `edge_px` (pixels on the edge of the image), `nucleus_px` (-1 where not
            known), any of them; None where nothing is measured.
        next_commands: What each does, and a command line: the run again, its cells, its predictions.
        score: Result of `hpa score --json` for the submission; None where none was scored.
        best_epoch: Epoch, as in `history`, whose weights made the predictions; None: chosen by
            `hpa.reports.learning_curves`.
        seed: Seed of the run.
        commit: Version of the code.
        validation_batches: Batches that each validation used, and how many there are; None: not known.
    """

    title: str
    command: str
    config_text: str
    history: pd.DataFrame
    class_names: tuple[str, ...]
    class_styles: tuple[ClassStyle, ...]
    cells: pd.DataFrame
    probabilities: Float[np.ndarray, "cell class"]
    image_targets: Float[np.ndarray, "cell class"]
    cell_targets: Float[np.ndarray, "cell class"] | None
    field_of: Callable[[str], SegmentedField]
    crops_of: Callable[[Int64[np.ndarray, " row"]], Float32[np.ndarray, "row channel side side"]]
    channels: tuple[str, ...]
    maps_of: MapsOf | None = None
    measures: pd.DataFrame | None = None
    next_commands: Sequence[tuple[str, str]] = ()
    score: Mapping[str, Any] | None = None
    best_epoch: int | None = None
    seed: int | None = None
    commit: str | None = None
    validation_batches: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        """Check that the parts belong together.

        Raises:
            InputError: If rows, classes or columns do not fit each other.
        """
        classes, cells = len(self.class_names), len(self.cells)
        shapes = [self.probabilities.shape, self.image_targets.shape]
        shapes += [] if self.cell_targets is None else [self.cell_targets.shape]
        if any(shape != (cells, classes) for shape in shapes) or len(self.class_styles) != classes:
            raise InputError(
                f"run page: {cells} cells and {classes} classes are named, the arrays have shapes {shapes} and "
                f"{len(self.class_styles)} styles came; give one row a cell and one column and style a class."
            )
        if self.measures is not None and len(self.measures) != cells:
            raise InputError(f"run page: measures of {len(self.measures)} cells came for {cells}; give one row a cell.")
        lacking = [f"history.{column}" for column in HISTORY_COLUMNS if column not in self.history.columns]
        lacking += [f"cells.{column}" for column in ("image_id", "cell") if column not in self.cells.columns]
        if lacking:
            raise InputError(f"run page: columns {', '.join(lacking)} are missing; write them as metrics.csv has them.")

    @property
    def truth_is_of_cells(self) -> bool:
        """Whether any cell's own labels are known."""
        return self.cell_targets is not None and bool(np.isfinite(self.cell_targets).all(axis=1).any())

    @property
    def truth(self) -> Float[np.ndarray, "cell class"]:
        """Return the ground truth of the scores: the cells' own labels (NaN rows), else those of their images."""
        if self.cell_targets is not None and self.truth_is_of_cells:
            return self.cell_targets
        return self.image_targets

    @property
    def has_truth(self) -> Bool[np.ndarray, " cell"]:
        """Mark the cells whose ground truth is known and whose prediction is finite."""
        finite: Bool[np.ndarray, " cell"] = np.isfinite(self.truth).all(axis=1) & np.isfinite(self.probabilities).all(
            axis=1
        )
        return finite

    def classes_in(self, targets: Float[np.ndarray, " class"]) -> tuple[tuple[str, ClassStyle], ...]:
        """Return name and look of the classes that are set in one row; none of a row that is not known."""
        chosen = np.flatnonzero(np.nan_to_num(targets) > 0.5)
        return tuple((self.class_names[index], self.class_styles[index]) for index in chosen)
