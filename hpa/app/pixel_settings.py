"""What a prediction of tissue does with each setting of `infer.py`: reads it, or refuses what would do nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hpa.app.parts import Config
from hpa.core.errors import InputError

READ: tuple[str, ...] = (
    "ckpt",
    "data",
    "device",
    "ensemble",
    "out",
    "precision",
    "split",
    "thresholds",
    "tiles",
    "tta",
    "world",
)
"""Settings that decide how masks of tissue are made."""


@dataclass(frozen=True)
class OfCells:
    """A setting that has a meaning for cells alone.

    Attributes:
        unset: What stands in conf/infer.yaml; anything else was asked for.
        reason: Why it has no meaning here.
        remedy: What to do instead.
    """

    unset: Any
    reason: str
    remedy: str


_NO_FUSION = {"_target_": "hpa.inference.fusion.NoFusion"}
_BLOCKS = "images of tissue are predicted one by one, without blocks"
_WHOLE = "a submission of tissue is written whole, without parts or a clock"
_PER_TILE = "tiles.side_px and tiles.batch_tiles decide time and memory"
OF_CELLS: dict[str, OfCells] = {
    "segmenter": OfCells(None, "networks of tissue find their masks themselves", "leave it out"),
    "fusion": OfCells(_NO_FUSION, "it joins a cell with its image, and tissue has no cells", "leave it out"),
    "rules": OfCells({}, "they change confidences of cells", "thresholds= makes masks of probabilities"),
    "also": OfCells({}, "it writes cells", "leave it out; hpa segment writes label maps"),
    "compile": OfCells(False, "networks of cells alone are compiled", "leave it out"),
    "batch_cells": OfCells(64, "it counts cells", _PER_TILE),
    "block_images": OfCells(16, _BLOCKS, "leave it out"),
    "fields_at_once": OfCells(4, _BLOCKS, _PER_TILE),
    "megapixels_at_once": OfCells(17, _BLOCKS, _PER_TILE),
    "workers": OfCells(2, "one image is read while another is predicted", "leave it out"),
    "shard": OfCells(None, _WHOLE, "predict parts of test.csv apart"),
    "budget_hours": OfCells(None, _WHOLE, "fewer views (tta=flips) or members take less time"),
    "budget_reserve_share": OfCells(0.03, _WHOLE, "leave it out"),
    "when_late": OfCells(["drop_tta", "drop_members"], _WHOLE, "leave it out"),
}


def require_of_tissue(config: Config) -> None:
    """Refuse every setting that would be passed over in silence.

    Raises:
        InputError: Naming each with what it was set to, why it has no meaning, and what to do.
    """
    told = [
        f"{key}={_short(config[key])}: {setting.reason}; {setting.remedy}"
        for key, setting in OF_CELLS.items()
        if key in config and config[key] != setting.unset
    ]
    if told:
        raise InputError(f"only runs of cells read these, and this run masks tissue. {'. '.join(told)}.")


def _short(value: Any) -> str:
    """Return a value as it may have been written: a part by the name of its class."""
    if isinstance(value, dict):
        target = value.get("_target_")
        return str(target).rpartition(".")[2] if target else f"[{', '.join(map(str, value))}]"
    return str(value).replace("'", "")
