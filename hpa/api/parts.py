"""Parts by their names, with the settings of their YAML files: `part("segmenter", "watershed")`."""

from __future__ import annotations

from typing import Any

from hpa.api.words import Settings, words_of
from hpa.config import build
from hpa.core.errors import InputError
from hpa.core.project_folder import project_folder
from hpa.slots import slots_of
from hpa.suggestions import compose_slot


def part(slot: str, choice: str, settings: Settings | None = None) -> Any:
    """Build a part, e.g. a segmenter or a loss, with the settings of `conf/<slot>/<choice>.yaml`.

    >>> part("loss", "focal", {"gamma": 3.0}).gamma
    3.0

    Args:
        slot: E.g. `segmenter`, `loss`, `fusion`, `rules`.
        choice: E.g. `watershed`.
        settings: Values in place of those of the file, by their names there.

    Raises:
        InputError: If there is no such slot, choice or setting, or the part refuses a value.
    """
    root = project_folder()
    script = "infer" if slot in slots_of(root / "conf", "infer") else "train"
    values = {f"{slot}.{key}": value for key, value in (settings or {}).items()}
    words = [f"{slot}={choice}", *words_of(values)]
    composed = compose_slot(root, script, slot, words)
    if composed is None:
        raise InputError(f"{slot}={choice}: this choice is nothing to build.")
    return build(composed)
