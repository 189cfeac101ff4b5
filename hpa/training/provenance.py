"""Which images a run has seen: declared before training begins, asked for before the run may teach another.

A network repeats the labels of the images it was trained on, their mistakes too; scores and pseudo-labels are worth
something only where it has not seen the image. The same picture under another name is the same picture: images are
known by their id, by the group of duplicates they belong to, and by what their cells look like on the label map.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from hpa.cells.stored_cells import StoredCells
from hpa.core.digest import digest_of_array
from hpa.core.errors import InputError
from hpa.core.image_table import ImageTable
from hpa.core.whole_file import whole_file

FILE = "images.parquet"
_COLUMNS = ["image_id", "group", "fold", "trained", "cells", "content"]


@dataclass(frozen=True)
class Provenance:
    """The images of a run.

    Attributes:
        frame: One row an image: `image_id`, `group` (duplicates share one), `fold`, `trained` (whether any epoch
            trained on it), `cells` (how many it holds), `content` (digest of them; "" where it has none or the run
            knows no cells).
    """

    frame: pd.DataFrame

    @classmethod
    def of(cls, table: ImageTable, held_out: int, stored: StoredCells | None) -> Provenance:
        """Return the images of a run that holds a fold out; None stands for a run that knows no cells."""
        frame = table.frame[["image_id", "group", "fold"]].astype({"image_id": str, "group": str})
        content = [""] * len(frame) if stored is None else contents_of(stored)
        cells = [0] * len(frame) if stored is None else [image.cell_count for image in stored.images]
        return cls(frame.assign(trained=frame["fold"] != held_out, cells=cells, content=content))

    @classmethod
    def read(cls, run: Path) -> Provenance:
        """Read what a run declared.

        Raises:
            InputError: If it declared nothing, or the file is damaged.
        """
        path = run / FILE
        if not path.is_file():
            raise InputError(
                f"{path}: missing, so nobody knows which images this run has seen, and it may not teach another; give "
                "the folder of a run of train.py with task=cells, or train it again with this version."
            )
        try:
            return cls(pd.read_parquet(path)[_COLUMNS])
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{path}: cannot be read as a declaration of images ({error}); train again.") from error

    def after(self, earlier: Provenance) -> Provenance:
        """Return these images with all that an earlier part of the same run was trained on: nothing is unseen again."""
        seen = earlier.frame[earlier.frame["trained"]]
        frame = self.frame.assign(trained=self.frame["trained"] | self.frame["image_id"].isin(seen["image_id"]))
        gone = seen[~seen["image_id"].isin(frame["image_id"])]
        return Provenance(pd.concat([frame, gone], ignore_index=True) if len(gone) else frame)

    def write(self, run: Path) -> None:
        """Declare the images in a run's folder, whole or not at all."""
        with whole_file(run / FILE) as file:
            self.frame.to_parquet(file, index=False)

    def seen_of(self, other: Provenance) -> set[str]:
        """Return the ids of another run's images that this one was trained on, under whichever name."""
        trained = self.frame[self.frame["trained"]]
        theirs = other.frame
        same = theirs["image_id"].isin(trained["image_id"])
        groups = set(theirs.loc[same, "group"])  # duplicates that the other run found, of images that this one saw
        contents = set(trained["content"]) - {""}
        return set(theirs.loc[same | theirs["group"].isin(groups) | theirs["content"].isin(contents), "image_id"])


def contents_of(stored: StoredCells) -> list[str]:
    """Return what the cells of each image look like on its label map: equal for equal pictures, whatever their name.

    Where two runs say the same of an image, cell 7 of the one is cell 7 of the other.
    """
    numbers = stored.cells.drop(columns=["image_id", "image"]).to_numpy(np.int64)
    edges = np.searchsorted(stored.cells["image"].to_numpy(), np.arange(len(stored.images) + 1))
    return [digest_of_array(numbers[start:stop]) if stop > start else "" for start, stop in pairwise(edges.tolist())]
