"""Two views of a cell must agree: a mean teacher (Tarvainen and Valpola, 2017, arXiv:1703.01780).

Labels are copied from the image, as in propagation; beside that, the prediction for a cell that is rotated and brighter
or darker is pulled towards what a slowly moving average of the network predicts for the cell as it is. Labels that
contradict how cells look are not memorised: the average follows what most cells have in common.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, CellModel, Loss, StepResult, Supervision


class ConsistencySupervision(nn.Module, Supervision):
    """Loss on copied labels, plus the squared distance of probabilities between student and teacher.

    Args:
        loss: Compares logits with targets.
        decay: Share of the teacher that stays in a step, in [0, 1); 0.99 to 0.999 in the paper.
        agreement_weight: Multiplies the distance, >= 0.
        ramp_up: Share of training over which that weight grows from 0, in (0, 1].
        gain: Largest relative change of a channel's brightness in the student's second view, in [0, 1).
        model: The network, which is copied.

    Raises:
        InputError: If a number is out of its range.
    """

    def __init__(
        self, loss: Loss, decay: float, agreement_weight: float, ramp_up: float, gain: float, model: CellModel
    ) -> None:
        super().__init__()
        if not (0 <= decay < 1 and 0 <= gain < 1 and 0 < ramp_up <= 1 and agreement_weight >= 0):
            raise InputError(
                "supervision: decay and gain must lie in [0, 1), ramp_up in (0, 1], and agreement_weight must be 0 or "
                f"more; came decay={decay}, gain={gain}, ramp_up={ramp_up}, agreement_weight={agreement_weight}."
            )
        self.loss = loss
        self.agreement_weight = agreement_weight
        self.ramp_up = ramp_up
        self.gain = gain
        self.teacher = moving_average(model, decay)

    def step(self, model: nn.Module, batch: CellBatch, progress: float) -> StepResult:
        """Return the terms `cells` and `agreement`; the cells as they are give the output."""
        if model.training:
            self.teacher.update_parameters(model)
        with torch.no_grad():
            target = self.teacher.eval()(batch).logits.sigmoid()
        output = model(batch)
        second = model(self._second_view(batch, model.training)).logits
        distance = (second.sigmoid() - target).square().mean()
        weight = self.agreement_weight * min(1.0, progress / self.ramp_up)
        cells = self.loss(output.logits, batch.image_targets[batch.image_of_cell])
        return StepResult({"cells": cells, "agreement": weight * distance}, output)

    def _second_view(self, batch: CellBatch, training: bool) -> CellBatch:
        """Return the cells rotated, perhaps mirrored, in other brightness; a quarter turn outside training."""
        turns, mirrored = (int(number) for number in torch.randint(4, (2,))) if training else (1, 0)

        def rotated(pictures: Tensor) -> Tensor:
            return _rotated(pictures, turns, mirrored % 2 == 1)

        def rotated_and_lit(pictures: Tensor) -> Tensor:
            gains = 1 + self.gain * (2 * torch.rand(*pictures.shape[:2], 1, 1, device=pictures.device) - 1)
            return rotated(pictures) * gains

        return batch.with_views(rotated_and_lit if training else rotated, rotated)


def moving_average(model: CellModel, decay: float) -> AveragedModel:
    """Return a copy of a network whose `update_parameters` follows it: a share `decay` of the copy stays each time."""
    follow = cast("Callable[[float], Any]", get_ema_multi_avg_fn)(decay)
    copied = AveragedModel(cast("nn.Module", model), multi_avg_fn=follow, use_buffers=True)
    return copied.requires_grad_(False)


def _rotated(
    planes: Float[Tensor, "*axes side side"], quarter_turns: int, mirrored: bool
) -> Float[Tensor, "*axes side side"]:
    rotated = planes.rot90(quarter_turns, (-2, -1))
    return rotated.flip(-1) if mirrored else rotated
