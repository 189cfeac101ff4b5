"""What a prediction of cells does not read: refused, since it would do nothing."""

from __future__ import annotations

from hpa.app.foreign_settings import Foreign, refuse
from hpa.config import Config

OF_TISSUE: dict[str, Foreign] = {
    "thresholds": Foreign(
        {"_target_": "hpa.inference.thresholds.OrganThresholdFit"},
        "cells keep the confidence of every class, which the score ranks",
        "leave it out",
    ),
    "tiles": Foreign(
        {"side_px": None, "overlap_share": 0.25, "batch_tiles": 4},
        "cells are cut out, or whole fields seen",
        "batch_cells and fields_at_once decide time and memory",
    ),
}
"""Settings of `infer.py` that runs of cells do not read."""


def require_of_cells(config: Config) -> None:
    """Refuse what would do nothing to a prediction of cells.

    Raises:
        InputError: Naming each, why it has no meaning, and what to do.
    """
    refuse(config, OF_TISSUE, "only runs of tissue read these, and this run classifies cells")
