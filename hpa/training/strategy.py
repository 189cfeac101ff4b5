"""The strategy of a config with its loss, refused where it teaches another kind of task."""

from __future__ import annotations

from typing import Any

from hpa.config import Config, build
from hpa.core.errors import InputError
from hpa.interfaces import Supervision


def masks_pixels(config: Config) -> bool:
    """Tell whether a config is one of task=pixels."""
    task = config.get("task") or {}
    return str(task.get("_target_", "")).endswith("PixelTask")


def strategy_of(config: Config) -> Any:
    """Return the strategy.

    Raises:
        InputError: If it cannot teach the task.
    """
    supervision: Supervision = build(config["supervision"], loss=build(config["loss"]))
    if masks_pixels(config) and not getattr(supervision, "reads_pixels", False):
        raise InputError(
            "task=pixels: this supervision= teaches cells; choose supervision=direct for dense networks, "
            "supervision=detector for model=mask_rcnn, and in rounds stages=mask_rounds, whose students are taught "
            "soft masks."
        )
    if not masks_pixels(config) and not getattr(supervision, "reads_cells", True):
        raise InputError(
            f"{type(supervision).__name__} teaches networks of task=pixels, and this is task=cells; choose e.g. "
            "supervision=propagation, or supervision=pseudo_label where earlier runs teach, or set task=pixels."
        )
    return supervision
