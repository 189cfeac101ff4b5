"""Changes how bright and how contrasty crops are, a whole batch at once: exposures and stains vary between slides."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from hpa.cells.batch_augment.partners import require_crops
from hpa.core.errors import InputError
from hpa.interfaces import CellBatch


class BatchLight:
    """Multiplies some of the crops by 1 + contrast and adds a brightness, the same in all channels.

    Args:
        brightness: Largest number added, either way, in [0, 1); 1 is the brightest that a pixel can be.
        contrast: Largest relative change, in [0, 1).
        probability: Share of the crops that are changed, in [0, 1].
        masked: Whether what is black in every channel stays so: brightness would show the shape of a masked cell.

    Raises:
        InputError: If a number is out of its range.
    """

    def __init__(self, brightness: float, contrast: float, probability: float, masked: bool) -> None:
        if not (0 <= brightness < 1 and 0 <= contrast < 1 and 0 <= probability <= 1):
            raise InputError(
                "batch_augment: brightness and contrast must lie in [0, 1), probability in [0, 1]; came "
                f"{brightness}, {contrast} and {probability}."
            )
        self._brightness = brightness
        self._contrast = contrast
        self._probability = probability
        self._masked = masked

    def __call__(self, batch: CellBatch) -> CellBatch:
        """Return the batch in other light.

        Raises:
            InputError: If the batch shows whole images.
        """
        require_crops(batch, "light")
        changed = (torch.rand(len(batch)) < self._probability).float()
        gain = 1 + changed * self._contrast * (2 * torch.rand(len(batch)) - 1)
        added = changed * self._brightness * (2 * torch.rand(len(batch)) - 1)
        return replace(batch, crops=self._lit(batch.crops, gain, added))

    def _lit(
        self,
        crops: Float[Tensor, "cell channel side side"],
        gain: Float[Tensor, " cell"],
        added: Float[Tensor, " cell"],
    ) -> Float[Tensor, "cell channel side side"]:
        gain, added = (numbers[:, None, None, None].to(crops) for numbers in (gain, added))
        lit = torch.addcmul(added, crops, gain).clamp_(0, 1)
        return lit.mul_(crops.amax(dim=1, keepdim=True) > 0) if self._masked else lit
