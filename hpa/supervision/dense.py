"""Dense networks learn the target planes of every pixel, with hard masks or with masks softened by earlier runs.

Borders of tissue units are drawn by hand, and lungs were drawn badly: a network that never saw an image predicts where
its mask is doubtful. The second team of "Hacking the Human Body" (V. Durnov, 2022) replaced 30 % of the truth by
out-of-fold predictions; the second, third and eleventh trained on external images with predictions alone (after Lee,
2013, "Pseudo-Label", and Xie, Luong, Hovy and Le, 2020, arXiv:1911.04252). `hpa.stages.mask_teachers` refuses runs that
were trained on an image they would label.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.interfaces import PixelBatch, PixelLoss, StepResult, Supervision, Unit


class DenseSupervision(nn.Module, Supervision):
    """Loss between logits and the target planes of every pixel.

    Args:
        loss: Compares logits with targets.
    """

    unit: Unit = "image"

    def __init__(self, loss: PixelLoss) -> None:
        super().__init__()
        self.loss = loss

    def step(self, model: nn.Module, batch: PixelBatch, progress: float) -> StepResult:
        """Return the term `pixels`."""
        del progress
        output = model(batch)
        return StepResult({"pixels": self.loss(output.logits, batch.targets)}, output)


class SoftMaskSupervision(nn.Module, Supervision):
    """Loss between logits and label_weight × mask + (1 - label_weight) × the mean prediction of earlier runs.

    An image without a mask is trained on the predictions alone, one without predictions on its mask.

    Args:
        loss: Compares logits with targets, which may be soft.
        runs: Folders of finished runs or of whole chains of task=pixels.
        label_weight: Share of the mask as it was drawn, in [0, 1]; 1 is supervision=dense.

    Raises:
        InputError: If no run is named, or the share is out of its range.
    """

    unit: Unit = "image"

    def __init__(self, loss: PixelLoss, runs: Sequence[str], label_weight: float) -> None:
        super().__init__()
        if isinstance(runs, str) or not runs:
            raise InputError(f"supervision.runs must list run folders, e.g. [runs/first], not {runs!r}.")
        if not 0 <= label_weight <= 1:
            raise InputError(f"supervision.label_weight must lie in [0, 1], not {label_weight}.")
        self.loss = loss
        self.runs = tuple(runs)
        self.label_weight = label_weight

    @property
    def teacher_runs(self) -> tuple[str, ...]:
        """The runs whose predictions soften the masks."""
        return self.runs

    def step(self, model: nn.Module, batch: PixelBatch, progress: float) -> StepResult:
        """Return the term `pixels`.

        Raises:
            InputError: If the target has more than one plane: runs predict whether a pixel is inside, nothing else.
        """
        del progress
        if batch.targets.shape[1] != 1:
            raise InputError("soft masks need model/target=foreground; choose it, or supervision=dense.")
        output = model(batch)
        return StepResult({"pixels": self.loss(output.logits, self._targets(batch))}, output)

    def _targets(self, batch: PixelBatch) -> Float[Tensor, "image 1 height width"]:
        if batch.soft_targets is None:
            return batch.targets
        predicted = batch.soft_targets[:, None].to(batch.targets.dtype)
        softened = self.label_weight * batch.targets + (1 - self.label_weight) * predicted
        if batch.has_truth is not None:
            softened = torch.where(batch.has_truth[:, None, None, None], softened, predicted)
        return torch.where(predicted.isnan(), batch.targets, softened)
