"""What a run is made of, and what each kind of task must provide (`task=`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from hpa.config import Config, build
from hpa.core.image_table import ImageTable
from hpa.core.ownership import seal_of
from hpa.sources.levels import measure_levels
from hpa.training.fit import Fit
from hpa.training.module import TrainingModule
from hpa.training.provenance import Provenance
from hpa.training.run_folder import RunFolder


@dataclass(frozen=True)
class Parts:
    """What a run is made of.

    Attributes:
        data: A LightningDataModule that is prepared, with `folds` and `table`.
        module: Trains the model under its strategy.
        fit: Runs it.
        unit: What a batch counts, for the progress bar.
        count: How many of them an epoch shows.
        description: The data in words, for the log.
        picture: Draws what was just validated into a file.
        images: Which images the run trains on and holds out.
        teachers: Digest of the predictions of each earlier run that the strategy learns from, by its folder.
    """

    data: Any
    module: TrainingModule
    fit: Fit
    unit: str
    count: int
    description: str
    picture: Callable[[Path], None]
    images: Provenance
    teachers: Mapping[str, str]


def identity_of(config: Config, table: ImageTable) -> dict[str, Any]:
    """Return what a checkpoint must hold to work without its folder, as plain types.

    The levels of the images belong to it: predictions compare them with those of the images they are given. Networks
    that scale each image by its percentiles do without.
    """
    levels = [] if scales_by_percentile(config) else measure_levels(build(config["data"]), table, "train")
    return {
        "config": config,
        "seal": seal_of(config),
        "channels": list(config["data"]["channels"]),
        "class_names": list(table.class_names),
        "seed": config["seed"],
        "levels": [one.as_json() for one in levels],
    }


def scales_by_percentile(config: Config) -> bool:
    """Return whether the network of a run sees images of any depth alike."""
    return config.get("task") == "pixels" and bool(config["tiles"]["planes"]["by_percentile"])


class Task(Protocol):
    """A kind of training: how its parts fit together, and what it leaves at its end."""

    def assemble(self, config: Config, first_epoch: int) -> Parts:
        """Build everything a run needs and prepare its data; `first_epoch` counts the epochs that are done."""

    def write_results(self, run: RunFolder, config: Config, parts: Parts, loggers: list[Any]) -> None:
        """Write what a finished training leaves beside its checkpoints, and show it to the trackers."""
