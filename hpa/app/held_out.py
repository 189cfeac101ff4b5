"""Hands held-out predictions of runs to the parts of inference that learn from them: views, ensembles, rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hpa.core.errors import InputError
from hpa.inference.held_out import HeldOut, LearnsFromHeldOut, read_held_out, require_same_cells
from hpa.interfaces import CellPrediction, Fusion
from hpa.models.saved_run import SavedRun


@runtime_checkable
class _Joins(Protocol):
    def join(self, probabilities: Float[Tensor, "member row class"]) -> Float[Tensor, "row class"]:
        """Return what members' probabilities amount to."""


def taught(part: Any, held_out: Callable[[], Sequence[HeldOut]]) -> Any:
    """Return the part, after it has learnt from held-out predictions if it needs them; else none are read."""
    if isinstance(part, LearnsFromHeldOut) and part.needs_held_out:
        part.learn(held_out())
    return part


def held_out_of(run: SavedRun) -> HeldOut:
    """Return what a run's best weights said of its held-out cells.

    Raises:
        InputError: If the checkpoint does not lie in its run folder as the best one, or the predictions are missing.
    """
    folder = run.path.parent.parent
    if run.path.name != "best.ckpt" or not (folder / "config.yaml").is_file():
        raise InputError(
            f"{run.path}: held-out predictions belong to the best checkpoint in its run folder; give ckpt=RUN, or "
            "choose parts that learn nothing: ensemble=mean, tta.average=probabilities, no calibration among the rules."
        )
    return read_held_out(folder)


def joined(runs: Sequence[SavedRun], ensemble: _Joins, fusion: Fusion) -> HeldOut:
    """Return the held-out cells of all runs as the rules would see them: joined, and fused image by image.

    Test-time augmentation and earlier rules are left out: the runs did not keep the images.

    Raises:
        InputError: If the runs did not hold out the same cells.
    """
    members = [held_out_of(run) for run in runs]
    require_same_cells(members)
    probabilities = ensemble.join(torch.from_numpy(np.stack([member.probabilities for member in members])))
    no_features = torch.zeros(len(probabilities), 0)
    fused = [fusion(CellPrediction(probabilities[cells], no_features[cells])) for cells in members[0].by_image()]
    return members[0].with_probabilities(np.concatenate(fused).astype(np.float32))


def require_same_classes(runs: Sequence[SavedRun]) -> None:
    """Refuse members that name other classes, or the same in another order.

    Raises:
        InputError: Naming the run and the classes.
    """
    first = runs[0]
    for run in runs[1:]:
        if run.class_names == first.class_names:
            continue
        more = [name for name in run.class_names if name not in first.class_names]
        fewer = [name for name in first.class_names if name not in run.class_names]
        told = f"only the one names {', '.join(more) or 'nothing'}, only the other {', '.join(fewer) or 'nothing'}"
        raise InputError(
            f"{run.path} names other classes than {first.path}: {told if more or fewer else 'the order differs'}. "
            "Members must share their classes; predict with each alone."
        )
