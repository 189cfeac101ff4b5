"""Masks softened by what earlier runs said of images that they had not seen; images without a mask are taught by these.

Borders of tissue units are drawn by hand, and lungs were drawn badly: a network that never saw an image tells where
its mask is doubtful. The second team of "Hacking the Human Body" (V. Durnov, 2022) replaced 30 % of the truth by
out-of-fold predictions; the second, third and eleventh taught external images by predictions alone (after Lee, 2013,
"Pseudo-Label", and Xie, Luong, Hovy and Le, 2020, arXiv:1911.04252). Who may speak of which image is made sure of
before any of this is called: `hpa.stages.mask_teachers`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.interfaces import PixelBatch, PixelLoss, Unit


class SoftMaskSupervision(nn.Module):
    """Loss between logits and label_weight × mask + (1 - label_weight) × what earlier runs said.

    An image without a mask is taught what they said, one of which they said nothing its mask.

    Args:
        loss: Compares logits with targets, which may be soft.
        runs: Folders of finished runs or of whole chains of task=pixels.
        label_weight: Share of the mask as it was drawn, in [0, 1]; 1 is supervision=direct.

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
        self.mask_runs = tuple(runs)
        self.label_weight = label_weight

    def terms(self, model: nn.Module, batch: PixelBatch, progress: float) -> dict[str, Float[Tensor, ""]]:
        """Return the term `pixels`.

        Raises:
            InputError: If the target has more than one plane: runs say how probably a pixel is inside, nothing else.
        """
        del progress  # the start and the end of training are taught alike
        if batch.targets.shape[1] != 1:
            raise InputError("soft masks are told to model/target=foreground only; choose it, or supervision=direct.")
        return {"pixels": self.loss(model(batch).logits, self._targets(batch))}

    def _targets(self, batch: PixelBatch) -> Float[Tensor, "image 1 height width"]:
        if batch.taught is None:
            return batch.targets
        said = batch.taught[:, None].to(batch.targets.dtype)
        softened = self.label_weight * batch.targets + (1 - self.label_weight) * said
        if batch.has_truth is not None:
            softened = torch.where(batch.has_truth[:, None, None, None], softened, said)
        return torch.where(said.isnan(), batch.targets, softened)
