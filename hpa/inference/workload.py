"""What a workload brings to a run of `infer.py`, and what all workloads share in deciding how images are predicted.

A workload is chosen by the run: its `task` names the file of `conf/inference/` that holds the workload and its
settings. The run loop (`pipeline`) knows none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Protocol, runtime_checkable

from hpa.config import Config
from hpa.core.digest import digest_of_values
from hpa.core.errors import InputError
from hpa.core.image_table import ImageTable
from hpa.device import choose_device, choose_precision
from hpa.inference.blocks import BlockSizes
from hpa.inference.budget import AS_CONFIGURED, Fallback
from hpa.inference.saved_network import STARTING_POINTS
from hpa.inference.settings import by_content, digest_of_weights, versions
from hpa.inference.steps import Steps
from hpa.inference.stopwatch import Stopwatch
from hpa.interfaces import CellSink
from hpa.models.saved_run import SavedRun
from hpa.targets import TASKS

WARN, STOP, DROP_TTA, DROP_MEMBERS = WORDS = ("warn", "stop", "drop_tta", "drop_members")


@dataclass(frozen=True)
class InferenceParts:
    """What a workload brings to the run loop.

    Attributes:
        steps: What happens to an image.
        stopwatch: The steps' own.
        table: The images.
        fallbacks: How they are predicted, from the configured way to the cheapest.
        sizes: Of blocks, and of the groups of images that share batches.
        settings: What decides the bytes of the submission, plain values.
        counted: What the submission lists an image by image, for the report ("cells"); None for masks of whole images.
        sinks: What else is written.
    """

    steps: Steps[Any, Any, Any, Any]
    stopwatch: Stopwatch
    table: ImageTable
    fallbacks: Sequence[Fallback]
    sizes: BlockSizes
    settings: Config
    counted: str | None
    sinks: Sequence[CellSink] = field(default_factory=tuple)


@runtime_checkable
class Workload(Protocol):
    """One kind of prediction (`conf/inference/<task>.yaml`)."""

    def parts(self, runs: Sequence[SavedRun], config: Config, stopwatch: Stopwatch) -> InferenceParts:
        """Build what a prediction by trained runs needs.

        Raises:
            InputError: If the runs, the data or a setting do not fit.
        """


def task_of(config: Config) -> str:
    """Return the task that a run was trained for, e.g. `cells`."""
    return str(config.get("task", TASKS[0]))  # as read_saved_run takes it


def require_task(runs: Sequence[SavedRun], task: str) -> None:
    """Refuse members of different tasks.

    Raises:
        InputError: Naming the run.
    """
    for run in runs:
        if task_of(run.config) != task:
            raise InputError(
                f"{run.path}: was trained with task={task_of(run.config)}, and task={task} is expected here; predict "
                "with each kind of run alone."
            )


def shared_settings(runs: Sequence[SavedRun], config: Config, slots: Sequence[str]) -> Config:
    """Return the plain values that differ wherever the submission of any workload might.

    Args:
        runs: The members.
        config: Of infer.py.
        slots: Parts of the config whose values decide what is written.
    """
    device = choose_device(config["device"])
    return {
        "members": [member_settings(run) for run in runs],
        "split": config["split"],
        "device": device.type,
        "precision": choose_precision(config["precision"], device),
        **{slot: by_content(config.get(slot) or {}) for slot in slots},
        "versions": versions(),
    }


def member_settings(run: SavedRun) -> Config:
    """Return what identifies a network and the way images are shown to it."""
    model = {key: value for key, value in run.settings("model").items() if key not in STARTING_POINTS}
    return {
        "weights": digest_of_weights(run.weights),
        "channels": list(run.channels),
        "classes": digest_of_values(run.class_names),
        "model": by_content(model),
        **{key: run.config.get(key) for key in ("crop", "field", "tiles")},
    }


def fallbacks_of(
    config: Config, member_count: int, view_count: int, predictor_of: Callable[[int, bool], Any]
) -> list[Fallback]:
    """Return the configured way to predict, then what `when_late` drops, one step after the other.

    Args:
        config: Of infer.py.
        member_count: Members of the ensemble.
        view_count: Views of test-time augmentation.
        predictor_of: Returns the predictor of the first members, with test-time augmentation or without.

    Raises:
        InputError: If a part does not fit its config.
    """
    drops = [] if config["budget_hours"] is None else steps_when_late(config)
    steps = [(member_count, True), *_cheaper(drops, view_count > 1, member_count)]
    return [Fallback(_name(views, count, member_count), predictor_of(count, views)) for count, views in steps]


def steps_when_late(config: Config) -> list[str]:
    """Return the words of `when_late`, which may be one word or a list.

    Raises:
        InputError: If a word is unknown, or `warn` stands beside others.
    """
    given = config["when_late"]
    words = [given] if isinstance(given, str) else list(given)
    unknown = [word for word in words if word not in WORDS]
    if not words or unknown or (WARN in words and len(words) > 1):
        raise InputError(
            f"when_late={given}: write warn (go on, only log it), or one or several of stop, drop_tta and "
            "drop_members, e.g. when_late=[drop_tta,drop_members]; what no time is left for then stays blank."
        )
    return words


def join_config(config: Config, member_count: int) -> Config:
    """Return the config of the join (`ensemble=`) of the first members."""
    settings = dict(config["ensemble"])
    if isinstance(settings.get("weights"), list):
        settings["weights"] = settings["weights"][:member_count]
    return settings


def _cheaper(drops: Sequence[str], has_views: bool, members: int) -> list[tuple[int, bool]]:
    """Return (how many members, whether with views) of each step, in the order of the words.

    >>> _cheaper(["drop_tta", "drop_members"], True, 3)
    [(3, False), (2, False), (1, False)]
    """
    changes: list[tuple[int, bool]] = []
    for word in drops:
        if word == DROP_TTA and has_views:
            changes.append((members, False))
        if word == DROP_MEMBERS:
            changes += [(count, True) for count in range(members - 1, 0, -1)]
    return list(accumulate(changes, lambda one, other: (min(one[0], other[0]), one[1] and other[1])))


def _name(views: bool, count: int, members: int) -> str:
    dropped = [] if views else ["without test-time augmentation"]
    dropped += [] if count == members else [f"with the first {count} of {members} members"]
    return ", ".join(dropped) or AS_CONFIGURED
