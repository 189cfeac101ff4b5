"""Two views of a cell must agree: a mean teacher (Tarvainen and Valpola, 2017, arXiv:1703.01780).

Labels are copied from the image, as in propagation; beside that, what the network says of a cell seen turned and
brighter or darker is drawn to what a slowly moving average of itself says of the cell as it is. Labels that contradict
how cells look are not learned by heart: the average remembers what most cells taught.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, CellModel, Loss, Unit


class ConsistencySupervision(nn.Module):
    """Loss on copied labels, plus the squared distance of probabilities between student and teacher.

    Args:
        loss: Compares logits with targets.
        decay: Share of the teacher that stays in a step, in [0, 1); 0.99 to 0.999 in the paper.
        agreement_weight: Multiplies the distance, >= 0.
        ramp_up: Share of training over which that weight grows from 0, in (0, 1].
        gain: Largest relative change of a channel's brightness in the student's second view, in [0, 1).

    Raises:
        InputError: If a number is out of its range.
    """

    unit: Unit = "cell"
    teacher: AveragedModel
    """Copied from the network by `attach`."""

    def __init__(self, loss: Loss, decay: float, agreement_weight: float, ramp_up: float, gain: float) -> None:
        super().__init__()
        if not (0 <= decay < 1 and 0 <= gain < 1 and 0 < ramp_up <= 1 and agreement_weight >= 0):
            raise InputError(
                "supervision: decay and gain must lie in [0, 1), ramp_up in (0, 1], and agreement_weight must be 0 or "
                f"more; came decay={decay}, gain={gain}, ramp_up={ramp_up}, agreement_weight={agreement_weight}."
            )
        self.loss = loss
        self.decay = decay
        self.agreement_weight = agreement_weight
        self.ramp_up = ramp_up
        self.gain = gain

    def attach(self, model: CellModel) -> None:
        """Copy the network."""
        follow = cast("Callable[[float], Any]", get_ema_multi_avg_fn)(self.decay)
        teacher = AveragedModel(cast("nn.Module", model), multi_avg_fn=follow, use_buffers=True)
        self.teacher = teacher.requires_grad_(False)

    def terms(self, model: nn.Module, batch: CellBatch, progress: float) -> dict[str, Float[Tensor, ""]]:
        """Return the terms `cells` and `agreement`."""
        if model.training:
            self.teacher.update_parameters(model)
        with torch.no_grad():
            taught = self.teacher.eval()(batch).logits.sigmoid()
        logits = model(batch).logits  # the cells as they are first: validation scores the first look
        second = model(self._second_view(batch, model.training)).logits
        distance = (second.sigmoid() - taught).square().mean()
        weight = self.agreement_weight * min(1.0, progress / self.ramp_up)
        cells = self.loss(logits, batch.image_targets[batch.image_of_cell])
        return {"cells": cells, "agreement": weight * distance}

    def _second_view(self, batch: CellBatch, training: bool) -> CellBatch:
        """Return the cells turned, perhaps mirrored, in other brightness; a quarter turn outside training."""
        turns, mirrored = (int(number) for number in torch.randint(4, (2,))) if training else (1, 0)

        def turned(pictures: Tensor) -> Tensor:
            return _turned(pictures, turns, mirrored % 2 == 1)

        def lit(pictures: Tensor) -> Tensor:
            gains = 1 + self.gain * (2 * torch.rand(*pictures.shape[:2], 1, 1, device=pictures.device) - 1)
            return turned(pictures) * gains

        return batch.shown(lit if training else turned, turned)


def _turned(planes: Float[Tensor, "*axes side side"], turns: int, mirrored: bool) -> Float[Tensor, "*axes side side"]:
    """Return planes after quarter turns and perhaps a mirror."""
    turned = planes.rot90(turns, (-2, -1))
    return turned.flip(-1) if mirrored else turned
