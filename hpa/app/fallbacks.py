"""How a run predicts fields: as configured, and in the cheaper ways that `when_late` allows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import prod
from typing import Any

from hpa.app.held_out import held_out_of, taught
from hpa.config import Config, build
from hpa.core.errors import InputError
from hpa.device import choose_device, choose_precision
from hpa.inference.assembly import AS_CONFIGURED
from hpa.inference.budget import Fallback
from hpa.inference.field_member import FieldMember
from hpa.inference.member import CropMember
from hpa.inference.model_predictor import ModelPredictor
from hpa.inference.saved_network import network_of
from hpa.interfaces import FieldPredictor
from hpa.models.saved_run import SavedRun

WARN, STOP, DROP_TTA, DROP_MEMBERS = WORDS = ("warn", "stop", "drop_tta", "drop_members")


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
            f"when_late={given}: write warn (go on, only say so), or one or several of stop, drop_tta and "
            "drop_members, e.g. when_late=[drop_tta,drop_members]; what no time is left for then stays blank."
        )
    return words


def networks_of(runs: Sequence[SavedRun], config: Config) -> list[ModelPredictor]:
    """Return the networks of runs, where and how the config says."""
    device = choose_device(config["device"])
    precision = choose_precision(config["precision"], device)
    return [ModelPredictor(network_of(run), device, precision, config["compile"]) for run in runs]


def fallbacks_of(runs: Sequence[SavedRun], networks: Sequence[ModelPredictor], config: Config) -> list[Fallback]:
    """Return the configured fallback, then what `when_late` drops, one step after the other.

    Raises:
        InputError: If a part does not fit its config.
    """
    drops = [] if config["budget_hours"] is None else steps_when_late(config)
    steps = [(True, len(runs)), *_cheaper(drops, _has_views(config["tta"]), len(runs))]
    return [
        Fallback(_name(views, count, len(runs)), _ensemble(runs[:count], networks, config, views))
        for views, count in steps
    ]


def _cheaper(drops: Sequence[str], has_views: bool, members: int) -> list[tuple[bool, int]]:
    """Return (whether views are asked, how many members) of each step, in the order of the words.

    >>> _cheaper(["drop_tta", "drop_members"], True, 3)
    [(False, 3), (False, 2), (False, 1)]
    """
    changes: list[tuple[bool, int]] = []
    for word in drops:
        if word == DROP_TTA and has_views:
            changes.append((False, members))
        if word == DROP_MEMBERS:
            changes += [(True, count) for count in range(members - 1, 0, -1)]
    return list(accumulate(changes, lambda one, other: (one[0] and other[0], min(one[1], other[1]))))


def _name(views: bool, count: int, members: int) -> str:
    dropped = [] if views else ["without test-time augmentation"]
    dropped += [] if count == members else [f"with the first {count} of {members} members"]
    return ", ".join(dropped) or AS_CONFIGURED


def _has_views(tta: Config) -> bool:
    """Tell whether test-time augmentation asks more than once."""
    return prod(len(value) for value in tta.values() if isinstance(value, list)) > 1


def _ensemble(
    runs: Sequence[SavedRun], networks: Sequence[ModelPredictor], config: Config, views: bool
) -> FieldPredictor:
    members = [_member(run, network, config, views) for run, network in zip(runs, networks, strict=False)]
    settings: dict[str, Any] = dict(config["ensemble"])
    if isinstance(settings.get("weights"), list) and len(runs) < len(networks):
        settings["weights"] = settings["weights"][: len(runs)]
    return taught(build(settings, members=members), lambda: [held_out_of(run) for run in runs])


def _member(run: SavedRun, network: ModelPredictor, config: Config, views: bool) -> FieldPredictor:
    predictor: Any = network
    if views:
        predictor = taught(build(config["tta"], predictor=network), lambda: [held_out_of(run)])
    reading = {"channels": run.channels, "batch_cells": config["batch_cells"], "workers": config["workers"]}
    if network.stride is not None:
        return FieldMember(predictor, side_px=run.config["field"]["side_px"], stride=network.stride, **reading)
    crop = run.config["crop"]
    return CropMember(predictor, side_px=crop["side_px"], masked=crop["masked"], margin=crop["margin"], **reading)
