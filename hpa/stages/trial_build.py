"""A strategy is built before cells are segmented, around nothing, so that what it refuses costs seconds, not hours."""

from __future__ import annotations

import torch

from hpa.config import Config, build, build_nested
from hpa.interfaces import CellModel, HeldOutPredictions, PixelModel, TrainingCells


def require_supervision(config: Config, supervision: Config, model: CellModel | PixelModel, class_count: int) -> None:
    """Build a strategy with no cells and no predictions of earlier runs, and drop it.

    Args:
        config: Of the run, for its loss.
        supervision: Config of the strategy.
        model: The network that it would train; it is left as it is.
        class_count: Number of classes of the data set.

    Raises:
        InputError: If the strategy refuses its values or its network.
    """
    none, nowhere = torch.zeros(0, class_count), torch.zeros(0, dtype=torch.int64)
    with torch.random.fork_rng(devices=[]):  # what the run draws afterwards does not depend on this
        build_nested(
            supervision,
            loss=build(config["loss"]),
            model=model,
            held_out_of=lambda _: HeldOutPredictions(none, none, nowhere),
            training_cells=TrainingCells(nowhere, none),
        )
