"""A tissue data set combined with external ones, each in the same layout, with its own pixel sizes and stains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from hpa.core.addresses import as_path
from hpa.core.errors import InputError, Problem
from hpa.core.field import Field
from hpa.core.image_table import ImageTable
from hpa.core.planes import GREY
from hpa.interfaces import Instances, Split
from hpa.sources.hubmap.source import Hubmap
from hpa.sources.image_facts import HAS_TRUTH


class CombinedHubmap:
    """Reads the training images of several folders as one set (an `ImageSource` and `InstanceTruth`).

    External sets only train: the test split is that of the first folder. Their rows have source, organ and pixel size
    in the columns of train.csv, so that a recipe can resample, weigh or leave out by them.

    Args:
        root: Folder with train.csv, train_images/, train_annotations/, test.csv, test_images/.
        channels: Input of the network: of red, green, blue, or grey, in order; fields hold all three colours.
        pixel_um: Side of a pixel of every image of `root`, µm; None takes that of each row, as for external sets.
        extra: Folders of external sets, with train.csv, train_images/ and, where rle is blank, train_annotations/.
        unlabeled: Folders whose test.csv and test_images/ join the training images without masks, `root` itself or
            others; `supervision=soft_masks` trains on pseudo-labels of them, every other strategy leaves them out.

    Raises:
        InputError: If a channel is unknown, or the pixel size makes no sense.
    """

    class_names: tuple[str, ...] = Hubmap.class_names

    def __init__(
        self,
        root: str | Path,
        channels: Sequence[str],
        pixel_um: float | None,
        extra: Sequence[str | Path],
        unlabeled: Sequence[str | Path] = (),
    ) -> None:
        if not channels or not set(channels) <= {GREY, *Hubmap.channels}:
            raise InputError(
                f"data.channels: some of {', '.join(Hubmap.channels)} and {GREY} are expected, in any order; came "
                f"{', '.join(channels) or 'none'}."
            )
        self.channels: tuple[str, ...] = tuple(channels)
        self._main = Hubmap(root, pixel_um)
        self._extra = [Hubmap(folder, None) for folder in extra]
        same = as_path(root).resolve()
        self._unlabeled = [
            Hubmap(folder, pixel_um if as_path(folder).resolve() == same else None) for folder in unlabeled
        ]
        self._home: dict[str, tuple[Hubmap, Split]] | None = None

    @property
    def cell_truth(self) -> None:
        """Return None: tissue has no cells."""
        return

    def table(self, split: Split) -> ImageTable:
        """List the images of all sets for training, of the first for testing.

        Raises:
            InputError: If a layout is not there at all. What is wrong with single rows, also an id that stands in
                two sets, is in `problems`.
        """
        tables = [source.table(own_split) for source, own_split in self._sources(split)]
        if len(tables) == 1:
            return tables[0]
        frame = pd.concat([table.frame for table in tables], ignore_index=True)
        if self._unlabeled:
            counts = [len(table) for table in tables]
            has_truth = [own_split == "train" for _, own_split in self._sources(split)]
            frame = frame.assign(**{HAS_TRUTH: np.repeat(has_truth, counts)})
        sets_with = Counter(image_id for table in tables for image_id in set(table.image_ids) - {""})
        clashes = [
            Problem(image_id, f"the id stands in {count} of the folders; rename all but one")
            for image_id, count in sorted(sets_with.items())
            if count > 1
        ]
        problems = [problem for table in tables for problem in table.problems]
        warnings = tuple(warning for table in tables for warning in table.warnings)
        where = " + ".join(table.where for table in tables)
        return ImageTable(frame, self.class_names, where, (*problems, *clashes), warnings)

    def read(self, image_id: str, split: Split) -> Field:
        """Read one picture.

        Raises:
            InputError: If no set has the image, or its file cannot be used.
        """
        home, own_split = self._home_of(image_id, split)
        return home.read(image_id, own_split)

    def instances(self, image_id: str) -> Instances:
        """Return the functional tissue units of a training image.

        Raises:
            InputError: If no set has the image, its mask cannot be read, or it joins without one.
        """
        home, own_split = self._home_of(image_id, "train")
        if own_split == "test":
            raise InputError(f"{image_id}: comes from data.unlabeled, without a mask; it can be predicted, not scored.")
        return home.instances(image_id)

    def identity(self, image_id: str, split: Split) -> str:
        """Name the content of a picture by its file, without decoding it.

        Raises:
            InputError: If the file is missing.
        """
        home, own_split = self._home_of(image_id, split)
        return home.identity(image_id, own_split)

    def _sources(self, split: Split) -> list[tuple[Hubmap, Split]]:
        """Return the sets of a split, each with the split of its own that joins."""
        if split == "test":
            return [(self._main, "test")]
        masked: list[tuple[Hubmap, Split]] = [(source, "train") for source in (self._main, *self._extra)]
        return [*masked, *((source, "test") for source in self._unlabeled)]

    def _home_of(self, image_id: str, split: Split) -> tuple[Hubmap, Split]:
        """Return the set that an image is in; where none has it the first, which then raises."""
        sources = self._sources(split)
        if len(sources) == 1:
            return sources[0]
        if self._home is None:
            self._home = {name: home for home in reversed(sources) for name in home[0].ids(home[1])}
        return self._home.get(image_id, sources[0])
