"""What a prediction of tissue does with each setting of `infer.py`: reads it, or refuses what would do nothing."""

from __future__ import annotations

from hpa.app.foreign_settings import Foreign, refuse
from hpa.config import Config

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


_NO_FUSION = {"_target_": "hpa.inference.fusion.NoFusion"}
_BLOCKS = "images of tissue are predicted one by one, without blocks"
_WHOLE = "a submission of tissue is written whole, without parts or a clock"
_PER_TILE = "tiles.side_px and tiles.batch_tiles decide time and memory"
OF_CELLS: dict[str, Foreign] = {
    "segmenter": Foreign(None, "networks of tissue find their masks themselves", "leave it out"),
    "fusion": Foreign(_NO_FUSION, "it joins a cell with its image, and tissue has no cells", "leave it out"),
    "rules": Foreign({}, "they change confidences of cells", "thresholds= makes masks of probabilities"),
    "also": Foreign({}, "it writes cells", "leave it out; hpa segment writes label maps"),
    "compile": Foreign(False, "networks of cells alone are compiled", "leave it out"),
    "batch_cells": Foreign(64, "it counts cells", _PER_TILE),
    "block_images": Foreign(16, _BLOCKS, "leave it out"),
    "fields_at_once": Foreign(4, _BLOCKS, _PER_TILE),
    "megapixels_at_once": Foreign(17, _BLOCKS, _PER_TILE),
    "workers": Foreign(2, "one image is read while another is predicted", "leave it out"),
    "shard": Foreign(None, _WHOLE, "predict parts of test.csv apart"),
    "budget_hours": Foreign(None, _WHOLE, "fewer views (tta=flips) or members take less time"),
    "budget_reserve_share": Foreign(0.03, _WHOLE, "leave it out"),
    "when_late": Foreign(["drop_tta", "drop_members"], _WHOLE, "leave it out"),
}


def require_of_tissue(config: Config) -> None:
    """Refuse every setting of `infer.py` that would do nothing to tissue.

    Raises:
        InputError: Naming each with what it was set to, why it has no meaning, and what to do.
    """
    refuse(config, OF_CELLS, "only runs of cells read these, and this run masks tissue")
