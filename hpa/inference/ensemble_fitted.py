"""Members joined by weights that fit what they said of held-out cells."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64
from torch import Tensor

from hpa.core.errors import InputError
from hpa.inference.ensemble import Stacked, arithmetic_mean, given_weights, predict_jointly
from hpa.inference.ensemble_weights import WeightFit
from hpa.inference.held_out import HeldOut, require_same_cells
from hpa.interfaces import CellPrediction, FieldPredictor, SegmentedField

log = logging.getLogger(__name__)


class FittedEnsemble:
    """Weighted arithmetic mean, its weights learnt from the members' held-out cells.

    Weights are fitted to true classes of cells where the runs knew them, else to labels of images (see
    `HeldOut.judged`). Features and image probabilities as in `MeanEnsemble`.

    Args:
        members: What is asked, one after the other.
        fit: Finds the weights.
        per_class: Whether each class gets weights of its own; classes without a positive row share those of all.

    Raises:
        InputError: If there is no member.
    """

    needs_held_out = True

    def __init__(self, members: Sequence[FieldPredictor], fit: WeightFit, per_class: bool) -> None:
        self._members = tuple(members)
        self._fit = fit
        self._per_class = per_class
        self._weights: Float64[Tensor, "member weighted_class"] = given_weights(None, len(self._members))

    def learn(self, held_out: Sequence[HeldOut]) -> None:
        """Fit the weights.

        Raises:
            InputError: If the members did not hold out the same cells, or the fit needs true classes of cells.
        """
        require_same_cells(held_out)
        if self._fit.needs_true_cells and not all(member.has_true_cells for member in held_out):
            raise InputError(
                "ensemble/fit=log_loss needs classes of single cells, and these runs know labels of images alone; "
                "choose ensemble/fit=mean_ap, or train with data.cell_truth=FILE."
            )
        judged = [member.judged() for member in held_out]
        probabilities = np.stack([rows for rows, _ in judged])
        targets = judged[0][1]
        weights = self._fit.weights(probabilities, targets)[:, None]
        if self._per_class:
            weights = self._weights_of_classes(probabilities, targets, weights)
        shown = [[round(float(weight), 3) for weight in row] for row in weights]
        for member, row in zip(held_out, shown, strict=True):
            log.info("weight of %s, from %d held-out rows: %s", member.path.parent, len(targets), row)
        self._weights = torch.from_numpy(weights)

    def predict(self, fields: Sequence[SegmentedField]) -> list[CellPrediction]:
        """Return one joined prediction a field.

        Raises:
            InputError: If the members differ in their number of classes.
        """
        return predict_jointly(self._members, self._weights, fields, arithmetic_mean, arithmetic_mean)

    def join(self, probabilities: Stacked) -> Float[Tensor, "row class"]:
        """Return what the members' probabilities of the same cells amount to."""
        return arithmetic_mean(probabilities, self._weights)

    def _weights_of_classes(
        self,
        probabilities: Float32[np.ndarray, "member row class"],
        targets: Float32[np.ndarray, "row class"],
        of_all: Float64[np.ndarray, "member 1"],
    ) -> Float64[np.ndarray, "member class"]:
        weights = np.repeat(of_all, targets.shape[1], axis=1)
        for index in np.flatnonzero((targets > 0.5).any(axis=0)):
            chosen = slice(index, index + 1)
            weights[:, index] = self._fit.weights(probabilities[..., chosen], targets[:, chosen])
        return weights
