"""The teacher is the moving average of the student itself (Tarvainen and Valpola, 2017, arXiv:1703.01780).

One training, no earlier run needed; as it knows nothing at first, its word counts the more the longer training lasts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, CellModel, Selection, Unit


class AverageTeacher(nn.Module):
    """Believes what the average of the student's weights says of the same cells.

    Args:
        selection: Says which cells are believed, given the average's probabilities.
        decay: Share of the average that stays in a step, in [0, 1).
        warm_up: Share of training after which the average alone is believed, in [0, 1]; before it, labels too.

    Raises:
        InputError: If a number is out of its range.
    """

    average: AveragedModel
    """Copied from the network by `attach`."""

    def __init__(self, selection: Selection, decay: float, warm_up: float) -> None:
        super().__init__()
        if not (0 <= decay < 1 and 0 <= warm_up <= 1):
            raise InputError(
                "supervision.teacher: decay must lie in [0, 1) and warm_up in [0, 1]; came "
                f"decay={decay}, warm_up={warm_up}."
            )
        self.selection = selection
        self.decay = decay
        self.warm_up = warm_up

    @property
    def unit(self) -> Unit:
        """As the selection needs it."""
        return self.selection.unit

    def attach(self, model: CellModel) -> None:
        """Copy the network."""
        follow = cast("Callable[[float], Any]", get_ema_multi_avg_fn)(self.decay)
        average = AveragedModel(cast("nn.Module", model), multi_avg_fn=follow, use_buffers=True)
        self.average = average.requires_grad_(False)

    @torch.no_grad()
    def beliefs(self, model: nn.Module, batch: CellBatch, progress: float) -> Float[Tensor, "cell class"]:
        """Move the average towards the model, and return how far each label is believed of each cell."""
        if model.training:
            self.average.update_parameters(model)
        probabilities = self.average.eval()(batch).logits.float().sigmoid()
        copied = batch.image_targets[batch.image_of_cell]
        believed = self.selection(probabilities, copied, batch.image_of_cell)
        trust = 1.0 if progress >= self.warm_up else progress / self.warm_up
        return copied + trust * (believed - copied)
