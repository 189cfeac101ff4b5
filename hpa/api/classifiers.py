"""What finds and classifies the cells of fields in memory, built once from trained runs."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol, runtime_checkable

import numpy as np
import torch

from hpa.api.parts import part
from hpa.api.predictions import PredictedImage
from hpa.config import build, plain
from hpa.core.channels import union_of_channels
from hpa.core.encoding import encode_label_map
from hpa.core.errors import InputError
from hpa.core.field import Field, Segmentation
from hpa.core.levels import level_warnings, levels_of
from hpa.core.project_folder import project_folder
from hpa.inference.cells.steps import FieldSteps
from hpa.inference.cells.workload import CellPredictors, require_same_classes
from hpa.inference.exports.cell_rows import rows_of
from hpa.inference.stopwatch import Stopwatch
from hpa.interfaces import CellPrediction, CellRecord, NamesCells, SegmentedField
from hpa.models.saved_run import SavedRun
from hpa.suggestions import compose_or_suggest
from hpa.targets import require_slots

log = logging.getLogger(__name__)

_OF_INFER = ("also", "budget_hours", "ckpt", "data", "out", "overwrite", "shard", "split", "when_late", "world")
"""Settings of `infer.py` that are about data sets and files."""


@runtime_checkable
class Classifier(Protocol):
    """Finds the cells of fields and their classes."""

    channels: tuple[str, ...]
    """Channels that it reads."""
    class_names: tuple[str, ...]
    """Classes that it distinguishes, one where every cell has it; none where it finds cells only."""

    def images(self, fields: Iterable[Field]) -> Iterator[PredictedImage]:
        """Give each field's cells."""


class CellClassifier:
    """Runs of `task=cells`: their segmenter, their networks, fusion and rules, as of `infer.py`.

    Args:
        runs: The members.
        words: Settings of `infer.py`.

    Raises:
        InputError: If the runs or settings do not fit.
    """

    def __init__(self, runs: Sequence[SavedRun], words: Sequence[str]) -> None:
        foreign = [word for word in words if word.partition("=")[0].partition(".")[0] in _OF_INFER]
        if foreign:
            raise InputError(f"{foreign[0]}: is about data sets and files; hpa.infer reads it, predict does not.")
        require_same_classes(runs)
        config = plain(compose_or_suggest(project_folder(), "infer", ["ckpt=null", "inference=cells", *words]))
        require_slots(config, "settings")
        segmenter = build(config.get("segmenter") or runs[0].part("segmenter"))
        predictors = CellPredictors(runs, config)
        fusion = build(config["fusion"])
        rules = predictors.fitted_rules([build(rule) for rule in config["rules"].values()], fusion)
        self._steps = FieldSteps(segmenter, fusion, rules, Stopwatch())
        self._predictor = predictors.fallbacks()[0].predictor
        self.class_names: tuple[str, ...] = runs[0].class_names
        self._fields_at_once = int(config["fields_at_once"])
        self._levels = runs[0].levels
        self.channels: tuple[str, ...] = ()
        for wanted in [*(run.channels for run in runs), segmenter.channels]:
            self.channels = union_of_channels(self.channels, tuple(wanted))

    def images(self, fields: Iterable[Field]) -> Iterator[PredictedImage]:
        """Give each field's cells; a few fields share batches."""
        waiting = iter(fields)
        while group := list(islice(waiting, self._fields_at_once)):
            self._warn_of_levels(group)
            prepared = [self._steps.prepare(field) for field in group]
            for predicted in self._steps.predict(prepared, self._predictor):
                finished = self._steps.finish(predicted)
                yield _image_of(finished.record, finished.masks, self.class_names)

    def _warn_of_levels(self, fields: Sequence[Field]) -> None:
        """Log, once a run, that images use another range of levels than those of the training."""
        if self._levels and (warnings := level_warnings(self._levels, levels_of(fields))):
            log.warning("%s", "\n".join(warnings))
            self._levels = ()


class InstanceFinder:
    """A run of `task=pixels`: its instances, with a class and a score each where its network distinguishes classes.

    Args:
        run: The run.
        words: Settings of its segmenter (`conf/segmenter/unet.yaml`, `mask_rcnn.yaml`).

    Raises:
        InputError: If a setting does not fit.
    """

    def __init__(self, run: SavedRun, words: Sequence[str]) -> None:
        if words:
            raise InputError(f"{words[0]}: predictions of a run of task=pixels take no settings; hpa.segment does.")
        kind = "mask_rcnn" if run.settings("model", "_target_")["_target_"].endswith("MaskRcnn") else "unet"
        self._segmenter = part("segmenter", kind, {"weights": str(run.path)})
        only = run.class_names if len(run.class_names) == 1 else ()
        self.class_names: tuple[str, ...] = self._segmenter.class_names or only
        self.channels: tuple[str, ...] = self._segmenter.channels

    def images(self, fields: Iterable[Field]) -> Iterator[PredictedImage]:
        """Give each field's instances; the probability of a class is the score where it is that of the instance."""
        for field in fields:
            yield self._image_of(field)

    def _image_of(self, field: Field) -> PredictedImage:
        assert isinstance(self._segmenter, NamesCells)
        found = self._segmenter.instances(field)
        label_map = np.asarray(found.label_map, np.int32)
        count = int(label_map.max(initial=0))
        confidences = np.zeros((count, len(self.class_names)), np.float32)
        if self.class_names:
            scores = np.ones(count) if found.scores is None else np.asarray(found.scores)
            confidences[np.arange(count), np.asarray(found.classes)] = scores
        prediction = CellPrediction(torch.from_numpy(confidences), torch.zeros(count, 0))
        record = CellRecord(SegmentedField(field, Segmentation(label_map)), prediction, confidences)
        return _image_of(record, tuple(encode_label_map(label_map).values()), self.class_names)


def _image_of(record: CellRecord, masks: tuple[str, ...], class_names: tuple[str, ...]) -> PredictedImage:
    field = record.segmented.field
    height, width = field.pixels.shape[1:]
    return PredictedImage(field.image_id, height, width, class_names, masks, rows_of(record))
