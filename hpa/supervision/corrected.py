"""Corrected cells train on the classes that somebody gave them, the others as the strategy likes: for every strategy.

The strategy sees the logits of a corrected cell as what is known of it, far from 0 and without a gradient: a bag is
explained by its corrected cells, a posterior starts from them, and no weak label moves them. A term of its own compares
what the network predicts of them with their classes, as strong labels are added to weak ones (Papandreou, Chen, Murphy
and Yuille, 2015, arXiv:1502.02734).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, CellOutput, Loss, StepResult, Supervision, Unit

_CERTAIN_LOGIT = 6.0
"""Probability 0.998: what a person says is not beyond doubt, and losses stay finite."""


class CorrectedSupervision(nn.Module, Supervision):
    """Another strategy for cells that were not corrected.

    Args:
        supervision: The strategy.
        loss: Compares the logits of corrected cells with their classes.
        weight: How much a corrected cell counts compared with another one, above 0.

    Raises:
        InputError: If the weight is not above 0.
    """

    def __init__(self, supervision: Supervision, loss: Loss, weight: float) -> None:
        super().__init__()
        if not weight > 0:
            raise InputError(f"corrected_weight must be above 0, not {weight}.")
        self.supervision = supervision
        self.loss = loss
        self.weight = weight

    @property
    def unit(self) -> Unit:
        """What batches keep together: as the strategy needs."""
        return self.supervision.unit

    @property
    def image_batches_from(self) -> float:
        """Share of training from which on unit "image" holds: as the strategy needs."""
        return self.supervision.image_batches_from

    @property
    def teacher_runs(self) -> tuple[str, ...]:
        """Folders of earlier runs that the strategy learns from."""
        return self.supervision.teacher_runs

    def step(self, model: nn.Module, batch: CellBatch, progress: float) -> StepResult:
        """Return the terms of the strategy, and `corrected` where a cell of the batch was."""
        known = batch.corrected_targets
        if known is None or not (rows := known.isfinite().all(dim=1)).any():
            return self.supervision.step(model, batch, progress)
        seen: list[tuple[nn.Module, Tensor]] = []

        def certain(module: nn.Module, arguments: tuple[Any, ...], output: CellOutput) -> CellOutput:
            if arguments[0].corrected_targets is None:  # of a mixture of cells nothing is known
                return output
            seen.append((module, output.logits))
            logits = torch.where(rows[:, None], (2 * known.nan_to_num() - 1) * _CERTAIN_LOGIT, output.logits.detach())
            return replace(output, logits=torch.where(rows[:, None], logits, output.logits))

        hooks = [network.register_forward_hook(certain) for network in self._networks(model)]
        try:
            result = self.supervision.step(model, batch, progress)
        finally:
            for hook in hooks:
                hook.remove()
        first = dict(reversed(seen))  # the logits of each network's first view
        losses = [self.loss(logits[rows], known[rows]) for logits in first.values() if logits.requires_grad]
        if not losses:
            return result
        share = self.weight * rows.float().mean()
        terms = result.terms | {"corrected": share * torch.stack(losses).sum()}
        output = cast("CellOutput", result.output)
        return StepResult(terms, replace(output, logits=first[model]))

    def _networks(self, model: nn.Module) -> list[nn.Module]:
        """Return the network, and copies of it that the strategy holds."""
        own = cast("nn.Module", self.supervision).modules()
        return [model, *(module for module in own if type(module) is type(model) and module is not model)]
