"""Makes images of the negative class out of others, by dimming their protein until it is invisible.

Only 34 of the 21,806 training images of the 2021 competition are negative, though one cell in ten is. The ninth team
multiplied the green channel by 0 to 0.1 and called the result negative.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch


class BatchSyntheticNegative:
    """Dims the protein in all cells of some images, which are labelled with the negative class only.

    Args:
        channels: Channels of the pictures, in order.
        protein: The channel of the protein.
        negative_class: Number of the negative class.
        max_intensity: Bound on the share of the protein's intensity that remains, in [0, 1]; sampled uniformly from 0
            for each image.
        probability: Share of the images that are dimmed, in [0, 1].

    Raises:
        InputError: If a number is out of its range or there is no such channel.
    """

    def __init__(
        self, channels: Sequence[str], protein: str, negative_class: int, max_intensity: float, probability: float
    ) -> None:
        if protein not in channels or negative_class < 0:
            raise InputError(
                f"batch_augment: protein={protein} must be one of the channels {', '.join(channels)}, and "
                f"negative_class={negative_class} a class from 0."
            )
        if not (0 <= max_intensity <= 1 and 0 <= probability <= 1):
            raise InputError(
                "batch_augment: max_intensity and probability must lie in [0, 1], not "
                f"{max_intensity} and {probability}."
            )
        self._protein = list(channels).index(protein)
        self._negative_class = negative_class
        self._max_intensity = max_intensity
        self._probability = probability

    def __call__(self, batch: CellBatch) -> CellBatch:
        """Return the batch, some of its images negative.

        Raises:
            InputError: If the data set has no such class.
        """
        class_count = batch.image_targets.shape[1]
        if self._negative_class >= class_count:
            raise InputError(
                f"batch_augment: negative_class={self._negative_class}, but there are {class_count} classes; give the "
                "negative one of this data set, or leave this step out."
            )
        images = len(batch.image_targets)
        dimmed = torch.rand(images) < self._probability
        left = torch.where(dimmed, self._max_intensity * torch.rand(images), 1.0).to(batch.crops)
        if batch.fields is None:
            left = left[batch.image_of_cell]
        dimmed = dimmed.to(batch.crops.device)
        targets = self._negative(batch.image_targets, dimmed)
        known = batch.cell_targets
        of_cells = None if known is None else self._negative(known, dimmed[batch.image_of_cell])
        corrected = batch.corrected_targets
        if corrected is not None:  # a cell that was not corrected stays so
            changed_cells = dimmed[batch.image_of_cell] & corrected.isfinite().all(dim=1)
            corrected = self._negative(corrected, changed_cells)
        changed = batch.with_views(lambda pictures: self._dimmed(pictures, left), lambda places: places)
        return replace(changed, image_targets=targets, cell_targets=of_cells, corrected_targets=corrected)

    def _dimmed(
        self, pictures: Float[Tensor, "picture channel side side"], left: Float[Tensor, " picture"]
    ) -> Float[Tensor, "picture channel side side"]:
        changed = pictures.clone()
        changed[:, self._protein] *= left[:, None, None]
        return changed

    def _negative(
        self, targets: Float[Tensor, "row class"], dimmed: Bool[Tensor, " row"]
    ) -> Float[Tensor, "row class"]:
        negative = torch.zeros_like(targets[:1])
        negative[:, self._negative_class] = 1
        return torch.where(dimmed[:, None], negative, targets)
