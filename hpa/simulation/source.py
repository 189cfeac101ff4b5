"""`data=synthetic`: made on first use, then read as any other folder in the competition's layout."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from hpa import __version__
from hpa.core.channels import checked_atlas_channels
from hpa.core.classes import LOCATION_NAMES
from hpa.core.digest import digest_of_values
from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.core.image_table import ImageTable
from hpa.interfaces import CellTruth, Split
from hpa.simulation import write_competition
from hpa.simulation.worlds import STANDARD, world_named
from hpa.sources.kaggle_hpa import KaggleHpa

log = logging.getLogger(__name__)


class SyntheticHpa:
    """Fields with all 19 patterns, labels of images, and the ground truth of every cell.

    Attributes:
        channels: Channels to read, in order.
        images: Training fields.
        test_images: Test fields.
        size_px: Side of a field.
        seed: Another seed gives other fields.
        folder: Where synthetic data sets are kept, one folder each.
        world: What the fields are drawn from, as in `hpa synth --world`.
        corrections: Table of cells corrected by hand (`hpa explore`), or None.
    """

    class_names: tuple[str, ...] = LOCATION_NAMES

    def __init__(
        self,
        channels: Sequence[str],
        images: int,
        test_images: int,
        size_px: int,
        seed: int,
        folder: str | Path,
        world: str = STANDARD.name,  # runs of before there were others go on
        corrections: str | Path | None = None,
    ) -> None:
        self.corrections = None if corrections is None else Path(corrections)
        self.channels = checked_atlas_channels(channels)
        self.images = images
        self.test_images = test_images
        self.size_px = size_px
        self.seed = seed
        self.folder = Path(folder).expanduser()
        self.world = world_named(world)

    @cached_property
    def files(self) -> KaggleHpa:
        """The data set on disk; made now if it is not there yet."""
        settings: dict[str, int | str] = {
            "images": self.images,
            "test_images": self.test_images,
            "size_px": self.size_px,
            "seed": self.seed,
        }
        settings |= {} if self.world is STANDARD else {"world": self.world.name}
        root = self.folder / digest_of_values(settings | {"version": __version__})
        if not root.is_dir():
            log.info("making a synthetic data set of %d + %d fields in %s", self.images, self.test_images, root)
            self._write(root)
        return KaggleHpa(root, self.channels, pixel_um=None, cell_truth=root / "truth_train.csv", metadata=None)

    def _write(self, root: Path) -> None:
        try:
            write_competition(
                root,
                images=self.images + self.test_images,
                test_images=self.test_images,
                side_px=self.size_px,
                seed=self.seed,
                workers=os.cpu_count() or 1,
                world=self.world,
            )
        except InputError:
            if not root.is_dir():  # else another run was faster; what it wrote is the same
                raise

    @property
    def cell_truth(self) -> CellTruth | None:
        """The true classes of the training cells."""
        return self.files.cell_truth

    def table(self, split: Split) -> ImageTable:
        """List the images of a split."""
        return self.files.table(split)

    def read(self, image_id: str, split: Split) -> Field:
        """Read one image."""
        return self.files.read(image_id, split)

    def identity(self, image_id: str, split: Split) -> str:
        """Name the image's files (`ImageSource.identity`)."""
        return self.files.identity(image_id, split)
