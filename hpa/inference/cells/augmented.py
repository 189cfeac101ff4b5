"""Test-time augmentation of networks of cells: each crop, or each field, predicted in several views."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from hpa.core.dihedral import apply
from hpa.inference.cells.held_out import HeldOutCells
from hpa.inference.quantiles import QuantileScale
from hpa.inference.views import View, Views
from hpa.interfaces import CellBatch, CellPrediction, Predictor

Stacked = Float[Tensor, "view row class"]
Rows = Float[Tensor, "row class"]


class AugmentedCells:
    """Averages a predictor's predictions over views of the batch: one forward pass of the whole batch for each view.

    Image probabilities have no ranks among held-out cells; `average: ranks` averages them as probabilities.

    Args:
        predictor: Predicts each view.
        views: How the batch is shown.
    """

    def __init__(self, predictor: Predictor, views: Views) -> None:
        self._predictor = predictor
        self._views = views
        self._scale: QuantileScale | None = None

    @property
    def needs_held_out(self) -> bool:
        """Return whether ranks are averaged over more than one view."""
        return self._views.average == "ranks" and len(self._views) > 1

    def fit(self, held_out: Sequence[HeldOutCells]) -> None:
        """Take the ranks of the network's held-out probabilities."""
        self._scale = QuantileScale(held_out[0].probabilities)

    def predict(self, batch: CellBatch) -> CellPrediction:
        """Return averaged probabilities and the mean of the features."""
        views = [self._predictor.predict(_shown(batch, view)) for view in self._views.views]
        image_views = [view.image_probabilities for view in views if view.image_probabilities is not None]
        return CellPrediction(
            self._mean_of_cells(torch.stack([view.probabilities for view in views])),
            torch.stack([view.features for view in views]).mean(dim=0),
            self._mean(torch.stack(image_views)) if image_views else None,
        )

    def _mean_of_cells(self, views: Stacked) -> Rows:
        if self._scale is None:
            return self._mean(views)
        quantiles = torch.stack([self._scale.quantiles(view) for view in views])
        return self._scale.probabilities(quantiles.mean(dim=0)).to(views.dtype)

    def _mean(self, views: Stacked) -> Rows:
        return _mean_of_logits(views) if self._views.average == "logits" else views.mean(dim=0)


def show_pictures(
    pictures: Float[Tensor, "picture channel side side"], view: View
) -> Float[Tensor, "picture channel new_side new_side"]:
    """Return crops, or whole images, in a view."""
    side_px = max(1, round(view.scale * pictures.shape[-1]))
    if side_px != pictures.shape[-1]:
        # shrinking without antialiasing would drop the dots and threads that distinguish locations
        size = (side_px, side_px)
        pictures = functional.interpolate(pictures, size, mode="bilinear", antialias=True, align_corners=False)
    if view.brightness != 1:
        pictures = (pictures * view.brightness).clamp(max=1)
    return apply(pictures, view.symmetry)


def _shown(batch: CellBatch, view: View) -> CellBatch:
    """Return the batch in a view; where cells lie is given in shares of the side, so that its size does not matter."""
    return batch.with_views(
        lambda pictures: show_pictures(pictures, view), lambda coverage: apply(coverage, view.symmetry)
    )


def _mean_of_logits(views: Stacked) -> Rows:
    """Return the probabilities of the mean logit."""
    # a sigmoid in float32 reaches exactly 1, whose logit is infinite; double precision holds one step below it
    step = torch.finfo(views.dtype).eps / 2
    return views.double().logit(eps=step).mean(dim=0).sigmoid().to(views.dtype)
