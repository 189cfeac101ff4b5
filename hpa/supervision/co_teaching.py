"""Two networks learn side by side, each from the copied labels that the other believes.

Co-teaching (Han, Yao, Yu, Niu, Xu, Hu, Tsang and Sugiyama, 2018, arXiv:1804.06872): a network that chooses for itself
what to believe is confirmed in its errors; two that began differently err differently, and each filters what the other
is taught. There the small-loss examples of a batch are kept; here an image's labels are copied to cells that do not
show them, so positives are rejected, class by class.
"""

from __future__ import annotations

import copy
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, CellModel, CellOutput, Loss, Unit
from hpa.supervision.small_loss import believed, require_share


class CoTeachingSupervision(nn.Module):
    """Propagation to the network and to a peer, to each without the positives that the other finds hardest.

    The peer is trained with the network, at twice the cost; the network alone is validated and submitted.

    Args:
        loss: Compares logits with targets.
        rejected_share: Share of a class's positives that is left out at the end, in [0, 1).
        ramp_up: Share of training over which that grows from 0, in (0, 1].
        difference: How far the peer's start is drawn anew, in (0, 1]: 1 shares nothing with the network but the spread
            of each tensor's weights; a pretrained network wants little, or its peer forgets what it was trained for.

    Raises:
        InputError: If a number is out of its range.
    """

    unit: Unit = "cell"
    peer: nn.Module
    """The other network, made by `attach`."""

    def __init__(self, loss: Loss, rejected_share: float, ramp_up: float, difference: float) -> None:
        super().__init__()
        require_share(rejected_share)
        if not (0 < ramp_up <= 1 and 0 < difference <= 1):
            raise InputError(
                f"supervision: ramp_up and difference must lie above 0 and at most at 1, not {ramp_up}, {difference}."
            )
        self.loss = loss
        self.rejected_share = rejected_share
        self.ramp_up = ramp_up
        self.difference = difference

    def attach(self, model: CellModel) -> None:
        """Copy the network and draw its weights partly anew."""
        self.peer = copy.deepcopy(cast("nn.Module", model))
        kept = (1 - self.difference**2) ** 0.5  # so that the spread stays what it was
        with torch.no_grad():
            for weights in self.peer.parameters():
                if weights.ndim > 1:  # biases and norms start alike in both
                    spread = weights.std(correction=0)
                    weights.mul_(kept).add_(torch.randn_like(weights) * (self.difference * spread))

    def terms(self, model: nn.Module, batch: CellBatch, progress: float) -> dict[str, Float[Tensor, ""]]:
        """Return the terms `cells` and `peer`."""
        own: CellOutput = model(batch)
        other: CellOutput = self.peer.train(model.training)(batch)
        targets = batch.image_targets[batch.image_of_cell]
        share = self.rejected_share * min(1.0, progress / self.ramp_up)
        by_own, by_other = (believed(output.logits.detach(), targets, share) for output in (own, other))
        return {"cells": self.loss(own.logits, targets, by_other), "peer": self.loss(other.logits, targets, by_own)}
