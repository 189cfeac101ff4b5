"""Co-teaching: two networks learn side by side, each from the copied labels of small loss to the other.

Han, Yao, Yu, Niu, Xu, Hu, Tsang and Sugiyama, 2018, arXiv:1804.06872: a network that selects its own labels confirms
its errors; two that started differently make different errors, and each filters the labels of the other. There the
small-loss examples of a batch are kept; here an image's labels are copied to cells that do not show them, so positives
are rejected, class by class.
"""

from __future__ import annotations

import copy
from typing import cast

import torch
from torch import nn

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, CellModel, CellOutput, Loss, StepResult, Supervision
from hpa.supervision.large_loss import require_share, small_loss_mask


class CoTeachingSupervision(nn.Module, Supervision):
    """Propagation to the network and to a peer, to each without the positives of the largest loss to the other.

    The peer is trained with the network, at twice the cost; the network alone is validated and submitted.

    Args:
        loss: Compares logits with targets.
        rejected_share: Share of a class's positives that is left out at the end, in [0, 1).
        ramp_up: Share of training over which that grows from 0, in (0, 1].
        difference: How much of the peer's initial weights is random, in (0, 1]: with 1 it shares only the spread of
            each tensor with the network; take little for a pretrained network, or its peer loses the pretraining.
        model: The network, which is copied.

    Raises:
        InputError: If a number is out of its range.
    """

    def __init__(self, loss: Loss, rejected_share: float, ramp_up: float, difference: float, model: CellModel) -> None:
        super().__init__()
        require_share(rejected_share)
        if not (0 < ramp_up <= 1 and 0 < difference <= 1):
            raise InputError(
                f"supervision: ramp_up and difference must lie above 0 and at most at 1, not {ramp_up}, {difference}."
            )
        self.loss = loss
        self.rejected_share = rejected_share
        self.ramp_up = ramp_up
        self.peer = _perturbed_copy(cast("nn.Module", model), difference)

    def step(self, model: nn.Module, batch: CellBatch, progress: float) -> StepResult:
        """Return the terms `cells` and `peer`."""
        own: CellOutput = model(batch)
        other: CellOutput = self.peer.train(model.training)(batch)
        targets = batch.image_targets[batch.image_of_cell]
        share = self.rejected_share * min(1.0, progress / self.ramp_up)
        by_own, by_other = (small_loss_mask(output.logits.detach(), targets, share) for output in (own, other))
        terms = {"cells": self.loss(own.logits, targets, by_other), "peer": self.loss(other.logits, targets, by_own)}
        return StepResult(terms, own)


@torch.no_grad()
def _perturbed_copy(model: nn.Module, difference: float) -> nn.Module:
    """Return a copy with partly random weights; biases and norms stay equal."""
    copied = copy.deepcopy(model)
    kept = (1 - difference**2) ** 0.5  # so that the spread stays what it was
    for weights in copied.parameters():
        if weights.ndim > 1:
            spread = weights.std(correction=0)
            weights.mul_(kept).add_(torch.randn_like(weights) * (difference * spread))
    return copied
