"""What decides the bytes of a submission, told by content, so that runs can be gone on with and shards be joined."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from hpa.config import Config
from hpa.core.digest import digest_of_values, sha256_of_file
from hpa.device import choose_device, choose_precision
from hpa.inference.digests import by_content, digest_of_weights, versions
from hpa.inference.held_out import LearnsFromHeldOut
from hpa.inference.saved_network import STARTING_POINTS
from hpa.interfaces import ImageSource, Segmenter
from hpa.models.saved_run import SavedRun

PARTS: tuple[str, ...] = ("tta", "ensemble", "fusion", "rules", "also")
"""Slots whose values decide what is written."""


def deciding_settings(
    runs: Sequence[SavedRun], config: Config, source: ImageSource, segmenter: Segmenter, parts: Iterable[Any]
) -> dict[str, Any]:
    """Return plain values that differ wherever the submission might.

    Args:
        runs: The members.
        config: Of infer.py.
        source: Reads the images.
        segmenter: Finds the cells.
        parts: What may have learnt from the members' held-out predictions.
    """
    device = choose_device(config["device"])
    learnt = any(isinstance(part, LearnsFromHeldOut) and part.needs_held_out for part in parts)
    return {
        "members": [_member(run, learnt) for run in runs],
        "segmenter": segmenter.fingerprint(),
        "channels": list(source.channels),
        "split": config["split"],
        "device": device.type,
        "precision": choose_precision(config["precision"], device),
        "compile": config["compile"],
        "batch_cells": config["batch_cells"],
        **{slot: by_content(config.get(slot) or {}) for slot in PARTS},
        "versions": versions(),
    }


def _member(run: SavedRun, learnt: bool) -> dict[str, Any]:
    """Tell a network, the way its cells are cut or its fields shown, and what was learnt from its held-out cells."""
    model = {key: value for key, value in run.config["model"].items() if key not in STARTING_POINTS}
    held_out = run.path.parent.parent / "out_of_fold.parquet"
    return {
        "weights": digest_of_weights(run.weights),
        "channels": list(run.channels),
        "classes": digest_of_values(run.class_names),
        "model": by_content(model),
        "crop": run.config.get("crop"),
        "field": run.config.get("field"),
        "held_out": sha256_of_file(held_out) if learnt and held_out.is_file() else None,
    }
