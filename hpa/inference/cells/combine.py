"""The predictions of an ensemble's members for one field, combined."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from hpa.core.errors import InputError
from hpa.inference.ensemble import Join
from hpa.interfaces import CellPrediction


def combine_cells(predictions: Sequence[CellPrediction], join: Join) -> CellPrediction:
    """Return one prediction of a field from those of its members.

    Features of a cell are the members' features side by side. Image probabilities are combined over the
    members that have a view of the whole image.

    Raises:
        InputError: If the members differ in their number of classes.
    """
    shapes = {tuple(prediction.probabilities.shape) for prediction in predictions}
    if len(shapes) > 1:
        raise InputError(
            f"the members of an ensemble must predict the same cells and classes; their (cell, class) sizes are "
            f"{sorted(shapes)}. Combine only checkpoints trained on the same classes."
        )
    has_image = torch.tensor([prediction.image_probabilities is not None for prediction in predictions])
    images = [one.image_probabilities for one in predictions if one.image_probabilities is not None]
    return CellPrediction(
        join(torch.stack([prediction.probabilities for prediction in predictions])),
        torch.cat([prediction.features for prediction in predictions], dim=1),
        join.of_images(torch.stack(images), has_image) if images else None,
    )
