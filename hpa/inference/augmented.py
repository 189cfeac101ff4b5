"""Test-time augmentation: a predictor asked about each crop under several symmetries of the square.

Cells have no up or down, so all eight views are equally true. In the HPA single-cell competition (Le et al., Nature
Methods 19:1221, 2022) the first place averaged over flips and transposition, the seventh over all eight.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from hpa.core.dihedral import SYMMETRIES, apply
from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, CellPrediction, Predictor

Rows = Float[Tensor, "view row class"]
MeanRows = Float[Tensor, "row class"]


class Augmented:
    """Averages a predictor's answers over symmetries of the crops.

    Args:
        predictor: What is asked once for each symmetry.
        symmetries: Names from `hpa.core.dihedral`.
        average: "probabilities", or "logits" (the mean before the sigmoid, which trusts sure views more).

    Raises:
        InputError: If there is no symmetry, one is unknown or named twice, or the average has another name.
    """

    def __init__(self, predictor: Predictor, symmetries: Sequence[str], average: str) -> None:
        unknown = [name for name in symmetries if name not in SYMMETRIES]
        if not symmetries or unknown or len(set(symmetries)) < len(symmetries):
            raise InputError(
                f"tta.symmetries must name at least one of {', '.join(SYMMETRIES)}, each once; came {list(symmetries)}."
            )
        if average not in AVERAGES:
            raise InputError(f"tta.average must be one of {', '.join(AVERAGES)}; came '{average}'.")
        self._predictor = predictor
        self._symmetries = tuple(symmetries)
        self._average = AVERAGES[average]

    def predict(self, batch: CellBatch) -> CellPrediction:
        """Return averaged probabilities and the mean of the features."""
        views = [
            self._predictor.predict(replace(batch, crops=apply(batch.crops, symmetry))) for symmetry in self._symmetries
        ]
        image_views = [view.image_probabilities for view in views if view.image_probabilities is not None]
        return CellPrediction(
            self._average(torch.stack([view.probabilities for view in views])),
            torch.stack([view.features for view in views]).mean(dim=0),
            self._average(torch.stack(image_views)) if image_views else None,
        )


def _mean_of_probabilities(views: Rows) -> MeanRows:
    """Return the arithmetic mean over views."""
    return views.mean(dim=0)


def _mean_of_logits(views: Rows) -> MeanRows:
    """Return the probabilities of the mean logit."""
    # a sigmoid in float32 reaches exactly 1, whose logit is infinite; double precision holds one step below it
    step = torch.finfo(views.dtype).eps / 2
    return views.double().logit(eps=step).mean(dim=0).sigmoid().to(views.dtype)


AVERAGES: dict[str, Callable[[Rows], MeanRows]] = {
    "probabilities": _mean_of_probabilities,
    "logits": _mean_of_logits,
}
