"""Words of a command line that other words leave without effect: refused, as each setting does what it says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hpa.config import Config
from hpa.core.errors import UsageError
from hpa.suggestions import unread_keys

_SYNTHETIC = "hpa.simulation.source.SyntheticHpa"
_WHOLE_IMAGE = "hpa.models.whole_image.WholeImageModel"
_CELL_BY_CELL = "hpa.supervision.propagation.PropagationSupervision"
"""The strategy whose batches keep no cells together."""


def require_read(root: Path, name: str, config: Config, words: Sequence[str]) -> None:
    """Refuse keys that the task does not read, and words that others leave without effect.

    Args:
        root: Folder with conf/ and experiments/.
        name: `train` or `infer`.
        config: What the words compose.
        words: Of the command line.

    Raises:
        UsageError: Naming each and why.
    """
    adds_keys = any(word.startswith(("experiments=", "+")) for word in words)  # that the shipped config lacks
    if unread := (unread_keys(root, name, config) if adds_keys else []) or idle_words(name, config, words):
        raise UsageError(" ".join(unread))


def idle_words(name: str, config: Config, words: Sequence[str]) -> list[str]:
    """Return a sentence for each word that does nothing here.

    Args:
        name: `train` or `infer`.
        config: What the words compose.
        words: Of the command line.
    """
    keys = {word: word.lstrip("+~").partition("=")[0] for word in words if "=" in word}
    reasons = {word: _reason(name, config, key) for word, key in keys.items()}
    return [f"'{word}': {reason}" for word, reason in reasons.items() if reason]


def _reason(name: str, config: Config, key: str) -> str | None:
    data = config.get("data") or {}
    if key.startswith("world.") and data.get("_target_") != _SYNTHETIC:
        images = "the images of the run are" if name == "infer" and not data else "these images are"
        return f"it is the world of data=synthetic, and {images} others; leave it out, or add data=synthetic."
    if name == "train" and config.get("task") == "cells":
        return _reason_of_cells(config, key)
    if name == "infer" and key == "data.channels":
        return "a network reads the channels that it was trained on; leave it out."
    if name == "infer" and key == "threads" and isinstance(config["workers"], int):
        if config["workers"] != config["threads"]:
            return f"workers={config['workers']} is their number; leave one of them out, or write workers=join."
    elif name == "infer" and key in ("when_late", "budget_reserve_share") and config["budget_hours"] is None:
        return "nothing is late without a limit; leave it out, or add budget_hours=8."
    return None


def _reason_of_cells(config: Config, key: str) -> str | None:
    """Return why a key does nothing to a training that classifies cells, None where it does something."""
    sees_whole_images = (config.get("model") or {}).get("_target_") == _WHOLE_IMAGE
    if key in ("loading.batch_cells", "loading.cells_per_image") and sees_whole_images:
        return "models of whole images read loading.field_batch_cells in its place; write that."
    if (key == "loading.field_batch_cells" or key.startswith("field.")) and not sees_whole_images:
        return "only models of whole images read it; leave it out, or add model/view=whole_image."
    strategy = (config.get("supervision") or {}).get("_target_")
    has_student = bool((config.get("stages") or {}).get("student"))  # whose strategy may read whole images
    if key == "loading.cells_per_image" and strategy == _CELL_BY_CELL and not has_student:
        return "supervision=propagation trains on single cells, of any image; write loading.batch_cells."
    if key == "corrected_weight" and not (config.get("data") or {}).get("corrections"):
        return "no cell is corrected; leave it out, or add data.corrections=FILE."
    return None
