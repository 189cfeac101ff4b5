"""The cells that a run held out: predicted by its best weights, with the labels of their images or their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int32, Int64

from hpa.cells.stored_cells import StoredCells
from hpa.config import build
from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.core.project_folder import project_folder
from hpa.inference.cells.held_out import read_held_out_cells
from hpa.intake.needed_channels import source_with
from hpa.interfaces import ImageSource
from hpa.overrides import with_values
from hpa.results.found_cells import CellTable, Mask, masks_of
from hpa.training.own_paths import require_own_paths
from hpa.training.run_folder import RunFolder

_PARTS = ("data", "segmenter", "crop", "store")
"""What is built of a run's config."""
_MEASUREMENTS = {"area_px": "area_px", "edge_px": "edge_px", "nucleus_area_px": "nucleus_px"}
"""Names as in also=cells, and in the store."""


class RunCells:
    """Held-out cells of a run; their label maps come from the run's store, and are made again where it lacks them.

    Args:
        folder: The run.
        overrides: Values of its config that are others now, e.g. `data.root=DIR`.

    Raises:
        InputError: If it is no finished run that classifies cells, its data are gone, or it is another user's and names
            files that are not given.

    Attributes:
        held_out: Its predictions, in the order of image and cell.
    """

    def __init__(self, folder: Path, overrides: Sequence[str] = ()) -> None:
        self.folder = folder
        self.held_out = read_held_out_cells(folder)
        self.config = _config_of(folder, overrides)
        segmenter = build(self.config["segmenter"])
        data = self.config["data"]
        self.source: ImageSource = source_with(data, data["channels"], self.config["segmenter"], segmenter)
        self.class_names = tuple(self.source.class_names)
        self._segmenter = segmenter

    def table(self) -> CellTable:
        """Return all held-out cells."""
        found = self.held_out
        names, image = np.unique(np.array(found.image_ids, object).astype(str), return_inverse=True)
        is_known = found.cell_targets is not None and bool(np.isfinite(found.cell_targets).any())
        return CellTable(
            tuple(map(str, names)),
            image.astype(np.int32),
            found.cells.astype(np.int32),
            found.probabilities,
            found.cell_targets if is_known else found.image_targets,
            targets_are_of_images=not is_known,
            measurements=self._measurements(),
        )

    def read(self, image_id: str) -> Field:
        """Read an image; InputError names the file and the reason."""
        return self.source.read(image_id, "train")

    def masks(self, image_id: str) -> Iterator[Mask]:
        """Return the masks of an image's cells."""
        return masks_of(self.label_map(image_id))

    def label_map(self, image_id: str) -> Int32[np.ndarray, "height width"]:
        """Return the cells of an image as the run's segmenter finds them."""
        return self._stored.segmentation(image_id).cells

    @cached_property
    def _stored(self) -> StoredCells:
        """The held-out images in the store."""
        table = self.source.table("train").require_usable()
        wanted = table.frame["image_id"].isin(set(self.held_out.image_ids))
        held_out = table.with_frame(table.frame[wanted].reset_index(drop=True))
        crop = build(self.config["crop"], channels=tuple(self.config["data"]["channels"]))
        return build(self.config["store"]).prepare(self.source, held_out, "train", self._segmenter, crop, 1, _quiet)

    def stored_rows(self) -> tuple[StoredCells, Int64[np.ndarray, " cell"]]:
        """Return the store of the held-out images, and the row there of each held-out cell, in the order of the table.

        Raises:
            InputError: If its cells are other ones.
        """
        stored = self._stored
        order = stored.cells.sort_values(["image_id", "cell"], kind="stable").index.to_numpy(np.int64)
        cells = self.held_out.cells
        if len(order) != len(cells) or not np.array_equal(stored.cells["cell"].to_numpy()[order], cells):
            raise InputError(
                f"{self.folder}: the images have other cells now than when the run was trained ({len(order)}, "
                f"{len(cells)} then); the files of the data set, or the segmenter's, were changed."
            )
        return stored, order

    def _measurements(self) -> Mapping[str, np.ndarray]:
        """Return what the store knows of the cells."""
        stored, rows = self.stored_rows()
        return {name: stored.cells[column].to_numpy(np.float32)[rows] for name, column in _MEASUREMENTS.items()}


def _quiet(done: int, total: int) -> None:
    """Report no progress: the store has nearly all images already."""
    del done, total


def _config_of(folder: Path, overrides: Sequence[str]) -> dict[str, Any]:
    run = RunFolder.open(folder)
    config = run.config()
    if config.get("task", "cells") != "cells":
        raise InputError(f"{folder}: a run that classifies cells was expected; look at its report.html.")
    require_own_paths(run.config_file, config, overrides, _PARTS)
    return with_values(config, overrides, project_folder() / "conf")
