"""Changes the brightness and contrast of crops or whole images, a whole batch at once: exposures and stains vary."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch


class BatchBrightnessContrast:
    """Multiplies some of the pictures (crops, or whole images) by 1 + contrast and adds a brightness.

    Args:
        brightness: Bound on the number added, either way, in [0, 1); intensities run from 0 to 1.
        contrast: Bound on the relative change, in [0, 1).
        probability: Share of the pictures that are changed, in [0, 1].
        masked: Whether what is black in every channel stays black: brightness would give away the shape of a masked
            cell.
        per_channel: Whether each channel gets numbers of its own; else all channels of a picture get the same.

    Raises:
        InputError: If a number is out of its range.
    """

    def __init__(self, brightness: float, contrast: float, probability: float, masked: bool, per_channel: bool) -> None:
        if not (0 <= brightness < 1 and 0 <= contrast < 1 and 0 <= probability <= 1):
            raise InputError(
                "batch_augment: brightness and contrast must lie in [0, 1), probability in [0, 1]; came "
                f"{brightness}, {contrast} and {probability}."
            )
        self._brightness = brightness
        self._contrast = contrast
        self._probability = probability
        self._masked = masked
        self._per_channel = per_channel

    def __call__(self, batch: CellBatch) -> CellBatch:
        """Return the batch with other brightness and contrast."""
        return batch.with_views(self._changed, lambda places: places)

    def _changed(
        self, pictures: Float[Tensor, "picture channel side side"]
    ) -> Float[Tensor, "picture channel side side"]:
        count = len(pictures)
        size = (count, pictures.shape[1] if self._per_channel else 1, 1, 1)
        changes = (torch.rand(count, 1, 1, 1) < self._probability).float()
        gain = (1 + changes * self._contrast * (2 * torch.rand(size) - 1)).to(pictures)
        added = (changes * self._brightness * (2 * torch.rand(size) - 1)).to(pictures)
        changed = torch.addcmul(added, pictures, gain).clamp_(0, 1)
        return changed.mul_(pictures.amax(dim=1, keepdim=True) > 0) if self._masked else changed
