"""Averages crops of two images, and their labels.

Mixup (Zhang, Cisse, Dauphin and Lopez-Paz, 2018, arXiv:1710.09412). Labels belong to images, so images are mixed:
every cell of one with some cell of the other, all in the same proportion, and the labels of both in that proportion.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from hpa.cells.batch_augment.mixing import mixed_targets, random_partners
from hpa.cells.batch_augment.steps import require_crops
from hpa.core.errors import InputError
from hpa.interfaces import CellBatch


class BatchMixup:
    """Mixes some images of a batch with others; the larger share is the image's own.

    Args:
        concentration: Both parameters of the beta distribution of the share, > 0; towards 0 nothing is mixed, from 1 on
            halves become frequent. The paper takes 0.1 to 0.4.
        probability: Share of the images that are mixed, in [0, 1].

    Raises:
        InputError: If a number is out of its range.
    """

    def __init__(self, concentration: float, probability: float) -> None:
        if not (concentration > 0 and 0 <= probability <= 1):
            raise InputError(
                "batch_augment: concentration must be above 0 and probability in [0, 1]; came "
                f"{concentration} and {probability}."
            )
        self._share = torch.distributions.Beta(float(concentration), float(concentration))
        self._probability = probability

    def __call__(self, batch: CellBatch) -> CellBatch:
        """Return the batch with some images mixed.

        Raises:
            InputError: If the batch holds whole images.
        """
        require_crops(batch, "mixup")
        images = len(batch.image_targets)
        partners = random_partners(batch.image_of_cell, images)
        share = self._share.sample((images,))
        share = torch.where(torch.rand(images) < self._probability, share.maximum(1 - share), 1.0).to(batch.crops)
        of_cell = share[batch.image_of_cell]
        known, corrected = batch.cell_targets, batch.corrected_targets
        return replace(
            batch,
            crops=torch.lerp(batch.crops[partners.cells], batch.crops, of_cell[:, None, None, None]),
            image_targets=mixed_targets(batch.image_targets, partners.images, share),
            cell_targets=None if known is None else mixed_targets(known, partners.cells, of_cell),
            corrected_targets=None if corrected is None else mixed_targets(corrected, partners.cells, of_cell),
        )
