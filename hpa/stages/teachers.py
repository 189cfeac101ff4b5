"""Lets earlier runs teach: reads what they said of held-out cells, and refuses those that saw what they would label."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import nn

from hpa.cells.data_module import CellDataModule
from hpa.core.errors import InputError
from hpa.inference.held_out import HeldOut, read_held_out
from hpa.interfaces import TaughtByRuns
from hpa.training.provenance import Provenance
from hpa.training.run_folder import RunFolder

log = logging.getLogger(__name__)
_NAMED = 5


@dataclass(frozen=True)
class _TeacherRun:
    """A finished training: its folder, the images it saw, and what it said of those it held out."""

    path: Path
    images: Provenance
    said: HeldOut


def teach(supervision: nn.Module, data: CellDataModule) -> None:
    """Tell every part of a strategy that asks for it what earlier runs said of the cells that will train.

    Raises:
        InputError: If a run saw an image that it would label, names other classes, knows other cells, or says nothing.
    """
    for part in supervision.modules():
        if isinstance(part, TaughtByRuns):
            images = data.stored.cells["image"].to_numpy()
            part.learn(
                torch.from_numpy(_said_by(part.runs, data)),
                torch.from_numpy(data.table.targets()[images]),
                torch.from_numpy(images.astype(np.int64)),
            )


def members_of(run: str | Path) -> list[Path]:
    """Return the trainings that a run folder stands for: itself, or those whose held-out predictions a chain joined."""
    folder = RunFolder.open(run)
    members = folder.facts().get("members")
    if not members:
        return [folder.path]
    return [found for member in members for found in members_of(folder.path / member)]


def _said_by(runs: Sequence[str], data: CellDataModule) -> Float32[np.ndarray, "cell class"]:
    """Return mean probabilities of the runs, NaN for cells that do not train or of which none speaks."""
    own = Provenance.of(data.table, data.folds.held_out, data.stored)
    teachers = [_read(path, data.source.class_names) for run in runs for path in members_of(run)]
    require_unseen([(teacher.path, teacher.images, teacher.said.image_ids) for teacher in teachers], own)
    _require_same_cells(teachers, own)
    total = np.zeros((len(data.stored), len(data.source.class_names)), np.float32)
    count = np.zeros(len(data.stored), np.int64)
    training = data.rows(validation=False)
    cells = data.stored.cells.iloc[training]
    row_of = dict(zip(zip(cells["image_id"], cells["cell"].tolist(), strict=True), training.tolist(), strict=True))
    for teacher in teachers:
        keys = zip(teacher.said.image_ids, teacher.said.cells.tolist(), strict=True)
        found = np.array([row_of.get(key, -1) for key in keys], np.int64)
        total[found[found >= 0]] += teacher.said.probabilities[found >= 0]
        count[found[found >= 0]] += 1
    _tell(count[training], list(cells["image_id"]), runs)
    with np.errstate(invalid="ignore"):
        return total / np.where(count, count, np.nan)[:, None].astype(np.float32)


def _read(path: Path, class_names: Sequence[str]) -> _TeacherRun:
    facts = RunFolder(path).facts()
    named = facts.get("class_names")
    if named is not None and list(named) != list(class_names):
        raise InputError(
            f"{path}: names the classes {', '.join(named)}, this data set {', '.join(class_names)}; a teacher must "
            "name the same ones in the same order."
        )
    return _TeacherRun(path, Provenance.read(path), read_held_out(path))


def require_unseen(teachers: Sequence[tuple[Path, Provenance, Sequence[str]]], own: Provenance) -> None:
    """Refuse teachers that were trained on an image which they would label here.

    Args:
        teachers: Folder of each, the images it declared, and the ids of those it speaks of.
        own: Images of the run to be taught.

    Raises:
        InputError: Naming the runs and the images.
    """
    wanted = set(own.frame.loc[own.frame["trained"], "image_id"])
    leaks = {str(path): sorted(images.seen_of(own) & set(said) & wanted) for path, images, said in teachers}
    told = [f"{run} was trained on {some(images)}" for run, images in leaks.items() if images]
    if told:
        raise InputError(
            "supervision: a run may not label images that it was trained on, since it repeats the "
            f"mistakes of their labels. {'; '.join(told)}. Give runs that hold these images out, e.g. a chain of "
            "stages=cross_validation with the same data and folds.find_duplicates=true."
        )


def _require_same_cells(teachers: Sequence[_TeacherRun], own: Provenance) -> None:
    mine = own.frame.set_index("image_id")["content"]
    for teacher in teachers:
        theirs = teacher.images.frame.set_index("image_id")["content"]
        spoken = sorted(set(teacher.said.image_ids) & set(mine.index))
        other = [name for name in spoken if theirs.get(name) != mine[name]]
        if other:
            raise InputError(
                f"{teacher.path}: its cells are others than here, in {some(other)}; a teacher needs the same images "
                "and the same segmenter with the same settings."
            )


def _tell(count: Int64[np.ndarray, " cell"], image_ids: Sequence[str], runs: Sequence[str]) -> None:
    """Say how much is taught.

    Raises:
        InputError: If nothing is.
    """
    named = ", ".join(runs)
    silent = sorted({name for name, told in zip(image_ids, count.tolist(), strict=True) if not told})
    if not count.any():
        raise InputError(
            f"supervision.teacher.runs: {named} said nothing of any image that trains here; give runs that held these "
            "images out: all folds of stages=cross_validation, not the one whose held-out fold is held out here too."
        )
    if silent:
        log.warning("%s said nothing of %s; their cells are told the labels of the image", named, some(silent))


def some(names: Sequence[str]) -> str:
    """Return how many names there are, and the first of them."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{len(names)} image{'s' if len(names) != 1 else ''}: {', '.join(names[:_NAMED])}{more}"
