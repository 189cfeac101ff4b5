"""A trained run, opened: `hpa.open_run`."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpa.api.classifiers import CellClassifier, Classifier, InstanceFinder
from hpa.api.fields import Images, Reading
from hpa.api.predictions import Predictions
from hpa.api.words import Settings, words_of
from hpa.app.members import members
from hpa.core.channels import HPA_FIELD_WIDTH_UM
from hpa.core.errors import InputError
from hpa.core.plugins import name_plugins
from hpa.formats.parquet_table import read_parquet
from hpa.inference.workload import require_task, task_of
from hpa.models.saved_run import SavedRun, read_saved_run
from hpa.results.run_facts import run_facts
from hpa.training.metrics_file import read_metrics

if TYPE_CHECKING:
    import pandas as pd

    from hpa.reports.facts import RunFacts

_OF_THE_ATLAS = ("hpa.sources.kaggle_hpa.", "hpa.simulation.source.")
"""Data sets whose images show the field of the Human Protein Atlas, whatever their number of pixels."""


def open_run(path: str | Path | Sequence[str | Path], *, plugins: Sequence[str] = ()) -> Run:
    """Open a run folder or a checkpoint that training wrote; several become an ensemble. No code in them is run.

    Args:
        path: Of the run, or of each.
        plugins: Packages that the run uses parts of, if you trust them.

    Raises:
        InputError: If there is none, it cannot be read safely, or the members do not fit each other.
    """
    paths = [path] if isinstance(path, str | Path) else list(path) if isinstance(path, Sequence) else []
    if not paths or not all(isinstance(one, str | Path) for one in paths):
        raise InputError(
            f"open_run: the path of a run folder or a checkpoint is expected, or a list of such; came {path!r:.60}."
        )
    name_plugins(plugins)
    saved = [read_saved_run(one) for one in members(paths)]
    require_task(saved, task_of(saved[0].config))
    return Run(saved)


class Run:
    """A trained network, or an ensemble, with all that prediction needs.

    Args:
        members: What their checkpoints hold.

    Attributes:
        path: Folder of the first run; its checkpoint where that lies in no run folder.
        task: `cells` or `pixels`.
        class_names: Classes that it predicts, in order.
        epoch: Epochs finished.
    """

    def __init__(self, members: Sequence[SavedRun]) -> None:
        first = members[0]
        folder = first.path.parent.parent
        is_folder = first.path.parent.name == "checkpoints" and (folder / "config.yaml").is_file()
        self.path: Path = folder if is_folder else first.path
        self.task: str = task_of(first.config)
        self.class_names: tuple[str, ...] = first.class_names
        self.epoch: int = first.epoch
        self._members = tuple(members)
        self._classifiers: dict[tuple[str, ...], Classifier] = {}

    def __repr__(self) -> str:
        """Return path, task and size on one line."""
        return f"Run({str(self.path)!r}, task={self.task!r}, {len(self.class_names)} classes, epoch {self.epoch})"

    @property
    def config(self) -> dict[str, Any]:
        """Return all settings of the training, as plain values."""
        return copy.deepcopy(self._members[0].config)

    @property
    def channels(self) -> tuple[str, ...]:
        """Return the channels that a prediction reads."""
        return self._classifier(None).channels

    def metrics(self) -> pd.DataFrame:
        """Return the scores of every epoch (`metrics.csv`).

        Raises:
            InputError: If only a checkpoint is there.
        """
        return read_metrics(self._file("metrics.csv"))

    def held_out(self) -> pd.DataFrame:
        """Return what it predicted of the cells of the held-out fold (`out_of_fold.parquet`).

        Raises:
            InputError: If only a checkpoint is there.
        """
        return read_parquet(self._file("out_of_fold.parquet"), "held-out predictions", "finish the run again.")

    def facts(self, overrides: Settings | None = None) -> RunFacts:
        """Return what its page shows and `hpa.reports.figures` draws: held-out cells, their predictions and history.

        Args:
            overrides: Settings that are others now (`{"data.root": "moved/images"}`).

        Raises:
            InputError: If only a checkpoint is there, no cell was held out, the data are gone, or it is a run of
                `task=pixels`.
        """
        if self.task != "cells":
            raise InputError(f"{self.path}: a run of task=cells was expected, this one is of task={self.task}.")
        self._file("metrics.csv")
        return run_facts(self.path, words_of(overrides))

    def predict(
        self,
        images: Images,
        *,
        channels: Sequence[str] | None = None,
        pixel_um: float | None = None,
        overrides: Settings | None = None,
        **others: object,
    ) -> Predictions:
        """Return the cells of images with their classes.

        Args:
            images: One image, a folder, several images (also one by one, from an iterator), or several by their names.
                An image is an array (height, width, channel), (channel, height, width) or (height, width) of uint8 or
                uint16, or the path of a file.
            channels: Name of each channel of the images, in order; left out: red, green, blue, yellow.
            pixel_um: Side of a pixel, µm. Left out: as the folder or file has it, else as in training.
            overrides: Settings of `infer.py` (`{"tta": "d4", "fusion": "product"}`).
            others: None; a setting that is given like an argument is answered with where it belongs.

        Raises:
            InputError: If an image, its channels or a setting do not fit, or the side of a pixel is not known.
            TypeError: If there is no such argument.
        """
        if others:
            raise TypeError(
                f"predict has no argument {', '.join(others)}, but channels, pixel_um and overrides; settings of "
                f"infer.py go there: overrides={others!r:.200}."
            )
        classifier = self._classifier(overrides)
        trained_um, width_um = self._size_in_training()
        reading = Reading(classifier.channels, channels, trained_um if pixel_um is None else pixel_um, width_um)
        return Predictions(tuple(classifier.images(reading.fields(images))), classifier.class_names)

    def _classifier(self, overrides: Settings | None) -> Classifier:
        words = tuple(words_of(overrides))
        if words not in self._classifiers:
            self._classifiers[words] = self._built(words)
        return self._classifiers[words]

    def _built(self, words: Sequence[str]) -> Classifier:
        if self.task == "cells":
            return CellClassifier(self._members, words)
        if len(self._members) > 1:
            raise InputError("runs of task=pixels are predicted one by one here; hpa.infer joins them.")
        return InstanceFinder(self._members[0], words)

    def _size_in_training(self) -> tuple[float | None, float | None]:
        """Return the side of a pixel, and the width of an image, both in µm, None where training does not say it."""
        run = self._members[0]
        data = run.settings("data", "_target_")
        given = data.get("pixel_um")
        any_size = self.task == "pixels" and run.settings("tiles", "planes")["planes"].get("pixel_um") is None
        of_atlas = data["_target_"].startswith(_OF_THE_ATLAS)
        return (float(given) if given else None), (HPA_FIELD_WIDTH_UM if of_atlas or any_size else None)

    def _file(self, name: str) -> Path:
        file = self.path / name
        if not file.is_file():
            raise InputError(f"{file}: is not there; open the folder of a run that has finished an epoch.")
        return file
