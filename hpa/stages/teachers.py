"""Pseudo-labels from earlier runs: their predictions of held-out cells; runs that saw an image are refused."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Int64

from hpa.cells.data_module import PreparedCells
from hpa.core.digest import sha256_of_file
from hpa.core.errors import InputError
from hpa.inference.cells.held_out import HeldOutCells, read_held_out_cells
from hpa.interfaces import HeldOutPredictions
from hpa.models.saved_run import STAGE
from hpa.training.provenance import Provenance
from hpa.training.run_folder import RunFolder

log = logging.getLogger(__name__)
_NAMED = 5


@dataclass(frozen=True)
class _TeacherRun:
    """A finished training: its folder, the images it saw, and its predictions of those it held out."""

    path: Path
    images: Provenance
    predictions: HeldOutCells


def held_out_predictions(runs: Sequence[str], cells: PreparedCells) -> HeldOutPredictions:
    """Return what earlier runs predicted of the cells that will train, having held them out.

    Raises:
        InputError: If a run saw an image that it would label, has other classes or other cells, or predicted none.
    """
    images = cells.stored.cells["image"].to_numpy()
    return HeldOutPredictions(
        torch.from_numpy(_mean_predictions(runs, cells)),
        torch.from_numpy(cells.table.targets()[images]),
        torch.from_numpy(images.astype(np.int64)),
    )


def digests_of_predictions(runs: Sequence[str]) -> dict[str, str]:
    """Return the digest of the predictions of each earlier run, by its folder."""
    paths = [path for run in runs for path in members_of(run)]
    return {str(path): sha256_of_file(path / "out_of_fold.parquet") for path in paths}


def members_of(run: str | Path) -> list[Path]:
    """Return the trainings that a run folder stands for: itself, or those whose predictions a chain concatenated."""
    folder = RunFolder.open(run)
    members = folder.facts().get("members")
    if not members:
        return [folder.path]
    if not isinstance(members, list) or not all(isinstance(one, str) and STAGE.fullmatch(one) for one in members):
        raise InputError(
            f"{folder.path / 'run.json'}: 'members' lists no stages of this chain; finish the chain again."
        )
    return [found for member in members for found in members_of(folder.path / member)]


def require_same_classes(supervision: Any, class_names: Sequence[str]) -> None:
    """Refuse teachers with other classes, or in another order, before anything is segmented or trained.

    Args:
        supervision: Config of a strategy; all `runs` in it are earlier runs.
        class_names: Of the data set.

    Raises:
        InputError: Naming the run, its classes, and those of the data set.
    """
    if not isinstance(supervision, dict):
        return
    for key, value in supervision.items():
        if key != "runs" or isinstance(value, str):
            require_same_classes(value, class_names)
            continue
        for path in (path for run in value for path in members_of(run)):
            _require_classes(path, class_names)


def _require_classes(path: Path, class_names: Sequence[str]) -> None:
    named = RunFolder(path).facts().get("class_names")
    if named is not None and list(named) != list(class_names):
        raise InputError(
            f"{path}: has the classes {', '.join(named)}, this data set {', '.join(class_names)}; a teacher needs the "
            "same ones in the same order."
        )


def _mean_predictions(runs: Sequence[str], prepared: PreparedCells) -> Float32[np.ndarray, "cell class"]:
    """Return mean probabilities of the runs, NaN for cells that do not train or that no run predicted."""
    own = Provenance.of(prepared.table, prepared.folds.held_out, prepared.stored)
    teachers = [_read(path, prepared.source.class_names) for run in runs for path in members_of(run)]
    require_unseen([(teacher.path, teacher.images, teacher.predictions.image_ids) for teacher in teachers], own)
    _require_same_cells(teachers, own)
    total = np.zeros((len(prepared.stored), len(prepared.source.class_names)), np.float32)
    count = np.zeros(len(prepared.stored), np.int64)
    training = prepared.rows(validation=False)
    cells = prepared.stored.cells.iloc[training]
    row_of = dict(zip(zip(cells["image_id"], cells["cell"].tolist(), strict=True), training.tolist(), strict=True))
    for teacher in teachers:
        keys = zip(teacher.predictions.image_ids, teacher.predictions.cells.tolist(), strict=True)
        found = np.array([row_of.get(key, -1) for key in keys], np.int64)
        total[found[found >= 0]] += teacher.predictions.probabilities[found >= 0]
        count[found[found >= 0]] += 1
    _require_predictions(count[training], list(cells["image_id"]), runs)
    with np.errstate(invalid="ignore"):
        return total / np.where(count, count, np.nan)[:, None].astype(np.float32)


def _read(path: Path, class_names: Sequence[str]) -> _TeacherRun:
    _require_classes(path, class_names)
    return _TeacherRun(path, Provenance.read(path), read_held_out_cells(path))


def require_unseen(teachers: Sequence[tuple[Path, Provenance, Sequence[str]]], own: Provenance) -> None:
    """Refuse teachers that were trained on an image which they would label here.

    Args:
        teachers: Folder of each, the images it recorded, and the ids of those it predicted.
        own: Images of the run that learns from them.

    Raises:
        InputError: Naming the runs and the images.
    """
    wanted = set(own.frame.loc[own.frame["trained"], "image_id"])
    leaks = {str(path): sorted(images.seen_of(own) & set(ids) & wanted) for path, images, ids in teachers}
    reasons = [f"{run} was trained on {some(images)}" for run, images in leaks.items() if images]
    if reasons:
        raise InputError(
            "supervision: a run may not label images that it was trained on, since it repeats the "
            f"mistakes of their labels. {'; '.join(reasons)}. Give runs that hold these images out, e.g. a chain of "
            "stages=cross_validation with the same data and folds.find_duplicates=true."
        )


def _require_same_cells(teachers: Sequence[_TeacherRun], own: Provenance) -> None:
    own_content = own.frame.set_index("image_id")["content"]
    for teacher in teachers:
        content = teacher.images.frame.set_index("image_id")["content"]
        shared = sorted(set(teacher.predictions.image_ids) & set(own_content.index))
        changed = [name for name in shared if content.get(name) != own_content[name]]
        if changed:
            raise InputError(
                f"{teacher.path}: its cells differ from those here, in {some(changed)}; a teacher needs the same "
                "images and the same segmenter with the same settings."
            )


def _require_predictions(count: Int64[np.ndarray, " cell"], image_ids: Sequence[str], runs: Sequence[str]) -> None:
    """Log which images have no pseudo-labels.

    Args:
        count: How many runs predicted each cell that trains.
        image_ids: Of these cells.
        runs: Teachers, as the config names them.

    Raises:
        InputError: If no image has any.
    """
    named = ", ".join(runs)
    missing = sorted({name for name, number in zip(image_ids, count.tolist(), strict=True) if not number})
    if not count.any():
        raise InputError(
            f"supervision.teacher.runs: {named} predicted no image that trains here; give runs that held these images "
            "out: all folds of stages=cross_validation, not the one whose held-out fold is held out here too."
        )
    if missing:
        log.warning("%s did not predict %s; their cells get the labels of the image", named, some(missing))


def some(names: Sequence[str]) -> str:
    """Return how many names there are, and the first of them."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{len(names)} image{'s' if len(names) != 1 else ''}: {', '.join(names[:_NAMED])}{more}"
