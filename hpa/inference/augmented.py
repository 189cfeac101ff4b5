"""Test-time augmentation: a predictor asked about each crop, or each field, in several views.

Cells have no up or down, so all eight symmetries of the square are equally true. In the HPA single-cell competition (Le
et al., Nature Methods 19:1221, 2022) the first place averaged over flips and transposition, the seventh over all eight.
Other sizes and brightnesses stand for other objectives and exposures.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from hpa.core.errors import InputError
from hpa.inference.augmented_views import all_views
from hpa.inference.held_out import HeldOut
from hpa.inference.quantiles import QuantileScale
from hpa.interfaces import CellBatch, CellPrediction, Predictor

AVERAGES = ("probabilities", "logits", "ranks")

Views = Float[Tensor, "view row class"]
Rows = Float[Tensor, "row class"]


class Augmented:
    """Averages a predictor's answers over views of the crops: one forward pass of the whole batch for each view.

    Args:
        predictor: What is asked once for each view.
        symmetries: Names from `hpa.core.dihedral`.
        scales: Multiples of the crop's side; crops are resized.
        brightness: Multiples of the intensities. Views are all combinations of the three lists.
        average: "probabilities"; "logits" (the mean before the sigmoid, which trusts sure views more); or "ranks" (the
            mean of a view's ranks among the network's held-out cells, told as the probability of that rank). What is
            said of whole images has no such ranks and is averaged as probabilities then.

    Raises:
        InputError: If a list is empty, holds something twice or unknown, or the average has another name.
    """

    def __init__(
        self,
        predictor: Predictor,
        symmetries: Sequence[str],
        scales: Sequence[float],
        brightness: Sequence[float],
        average: str,
    ) -> None:
        self._views = all_views(symmetries, scales, brightness)
        if average not in AVERAGES:
            raise InputError(f"tta.average must be one of {', '.join(AVERAGES)}; came '{average}'.")
        self._predictor = predictor
        self._average = average
        self._scale: QuantileScale | None = None

    @property
    def needs_held_out(self) -> bool:
        """Tell whether ranks are averaged over more than one view."""
        return self._average == "ranks" and len(self._views) > 1

    def learn(self, held_out: Sequence[HeldOut]) -> None:
        """Take the ranks of the network's held-out probabilities."""
        self._scale = QuantileScale(held_out[0].probabilities)

    def predict(self, batch: CellBatch) -> CellPrediction:
        """Return averaged probabilities and the mean of the features."""
        views = [self._predictor.predict(batch.with_views(view.of, view.places_of)) for view in self._views]
        image_views = [view.image_probabilities for view in views if view.image_probabilities is not None]
        return CellPrediction(
            self._mean_of_cells(torch.stack([view.probabilities for view in views])),
            torch.stack([view.features for view in views]).mean(dim=0),
            self._mean(torch.stack(image_views)) if image_views else None,
        )

    def _mean_of_cells(self, views: Views) -> Rows:
        if self._scale is None:
            return self._mean(views)
        quantiles = torch.stack([self._scale.quantiles(view) for view in views])
        return self._scale.probabilities(quantiles.mean(dim=0)).to(views.dtype)

    def _mean(self, views: Views) -> Rows:
        return _mean_of_logits(views) if self._average == "logits" else views.mean(dim=0)


def _mean_of_logits(views: Views) -> Rows:
    """Return the probabilities of the mean logit."""
    # a sigmoid in float32 reaches exactly 1, whose logit is infinite; double precision holds one step below it
    step = torch.finfo(views.dtype).eps / 2
    return views.double().logit(eps=step).mean(dim=0).sigmoid().to(views.dtype)
