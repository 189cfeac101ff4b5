"""Which images a run has seen: recorded before training starts, checked before another run learns from it.

A network repeats the labels of the images it was trained on, their errors too; scores and pseudo-labels are worth
something only where it has not seen the image. The same picture under another name is the same picture: images are
identified by their id, by the group of duplicates they belong to, and by the digest of their cells on the label map.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
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
from hpa.formats.parquet_table import CHECKSUMS, read_parquet
from hpa.sources.fold_plan import FoldPlan
from hpa.training.run_folder import RunFolder

FILE = "images.parquet"
_COLUMNS = ["image_id", "group", "fold", "trained", "cells", "content", "pixels"]
_NAMES_SHOWN = 5
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Provenance:
    """The images of a run.

    Attributes:
        frame: One row an image: `image_id`, `group` (duplicates share one), `fold`, `trained` (whether any epoch
            trained on it), `cells` (how many it holds), `content` (digest of them; "" where there are none), `pixels`
            (digest of what the network reads of it; "" where unknown).
    """

    frame: pd.DataFrame

    @classmethod
    def of(cls, table: ImageTable, held_out: int, stored: StoredCells | None) -> Provenance:
        """Return the images of a run that holds a fold out; without `stored` their cells are not known."""
        frame = table.frame[["image_id", "group", "fold"]].astype({"image_id": str, "group": str})
        content = [""] * len(frame) if stored is None else contents_of(stored)
        cells = [0] * len(frame) if stored is None else [image.cell_count for image in stored.images]
        pixels = [""] * len(frame) if stored is None else [image.digest for image in stored.images]
        return cls(frame.assign(trained=frame["fold"] != held_out, cells=cells, content=content, pixels=pixels))

    @classmethod
    def read(cls, run: Path) -> Provenance:
        """Read the provenance that a run recorded.

        Raises:
            InputError: If there is none, or the file is damaged.
        """
        path = run / FILE
        if not path.is_file():
            raise InputError(
                f"{path}: missing, so it is unknown which images this run has seen, and no run may learn from it; give "
                "the folder of a run of train.py, or train it again with this version."
            )
        try:
            frame = read_parquet(path, "the provenance of a run", "train again.")
            return cls((frame if "pixels" in frame else frame.assign(pixels=""))[_COLUMNS])  # "": an older version
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{path}: cannot be read as the provenance of a run ({error}); train again.") from error

    def after(self, earlier: Provenance) -> Provenance:
        """Return these images, those that an earlier part of the same run trained on marked too."""
        seen = earlier.frame[earlier.frame["trained"]]
        frame = self.frame.assign(trained=self.frame["trained"] | self.frame["image_id"].isin(seen["image_id"]))
        gone = seen[~seen["image_id"].isin(frame["image_id"])]
        return Provenance(pd.concat([frame, gone], ignore_index=True) if len(gone) else frame)

    def replaced_since(self, earlier: Provenance) -> list[str]:
        """Return the ids of images whose pixels differ from those of the same run's earlier part."""
        both = self.frame.merge(earlier.frame, on="image_id", suffixes=("", "_before"))
        known = (both["pixels"] != "") & (both["pixels_before"] != "")
        return [str(name) for name in both.loc[known & (both["pixels"] != both["pixels_before"]), "image_id"]]

    def write(self, run: Path) -> None:
        """Write the images into a run's folder, whole or not at all."""
        with whole_file(run / FILE) as file:
            self.frame.to_parquet(file, index=False, **CHECKSUMS)

    def seen_of(self, other: Provenance) -> set[str]:
        """Return the ids of another run's images that this one was trained on, under whichever name."""
        trained = self.frame[self.frame["trained"]]
        frame = other.frame
        same = frame["image_id"].isin(trained["image_id"])
        groups = set(frame.loc[same, "group"])  # duplicates that the other run found, of images that this one saw
        contents = set(trained["content"]) - {""}
        return set(frame.loc[same | frame["group"].isin(groups) | frame["content"].isin(contents), "image_id"])


def record(run: RunFolder, images: Provenance, folds: FoldPlan, teachers: Mapping[str, str]) -> None:
    """Write `images.parquet`, and folds and teachers into `run.json`; images that were seen earlier stay seen.

    Args:
        run: Folder of the training.
        images: Those it trains on and holds out.
        folds: How they were dealt.
        teachers: Digest of the predictions of each earlier run that it learns from, by its folder.

    Raises:
        InputError: If the teachers are no longer those that the run was started with.
    """
    if (run.path / FILE).is_file():
        earlier = Provenance.read(run.path)
        _warn_of_replaced(run.path, images.replaced_since(earlier))
        images = images.after(earlier)
    before = run.facts().get("teachers", dict(teachers))
    if sorted(map(str, before.values())) != sorted(teachers.values()):  # a chain may have moved, with its teachers
        raise InputError(
            f"{run.path}: was started with other teachers: {', '.join(sorted(before))} have changed since, or their "
            "predictions have. Start a new run."
        )
    images.write(run.path)
    dealt = {"count": folds.count, "held_out": folds.held_out, "seed": folds.seed}
    run.write_facts({"folds": dealt, "teachers": dict(teachers)})


def contents_of(stored: StoredCells) -> list[str]:
    """Return the digest of the cells of each image on its label map: equal for equal pictures, whatever their name.

    Where two runs have the same digest of an image, cell 7 of the one is cell 7 of the other.
    """
    numbers = stored.cells.drop(columns=["image_id", "image"]).to_numpy(np.int64)
    edges = np.searchsorted(stored.cells["image"].to_numpy(), np.arange(len(stored.images) + 1))
    return [digest_of_array(numbers[start:stop]) if stop > start else "" for start, stop in pairwise(edges.tolist())]


def _warn_of_replaced(run: Path, names: list[str]) -> None:
    if names:
        more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
        log.warning(
            "%s: the pixels of %d images differ from those that this run was started with (%s%s): the files or their "
            "label maps were replaced. It goes on with the new ones and no longer repeats an undisturbed run.",
            *(run, len(names), ", ".join(names[:_NAMES_SHOWN]), more),
        )
