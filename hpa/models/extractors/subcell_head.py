"""SubCell's own classifiers as a head: what the published network says of a cell, in the competition's 19 locations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hpa.core.classes import LOCATIONS
from hpa.core.errors import InputError
from hpa.models.extractors.subcell_classes import SUBCELL_LOCATIONS
from hpa.models.heads import FeaturesAndLogits
from hpa.models.weights import differences, read_weights

_HIDDEN = (512, 256)
_MIN_PROBABILITY = 1e-6
"""Keeps logits finite where the classifiers are sure."""


class SubCellHead(nn.Module):
    """Mean of the published classifiers over their 31 classes, the largest of those that are one location.

    It can be trained further: the classifiers are where that starts.

    Attributes:
        feature_count: Length of the features it returns, which are those it was given.

    Args:
        feature_count: Length of a feature vector.
        class_count: 19, the competition's locations.
        count: How many classifiers.
        weights: Their local files, or None.

    Raises:
        InputError: If the classes are others, files are not as many as classifiers, or one does not fit.
    """

    def __init__(self, feature_count: int, class_count: int, count: int, weights: Sequence[str] | None) -> None:
        super().__init__()
        if class_count != len(LOCATIONS):
            raise InputError(f"model/head=subcell names the {len(LOCATIONS)} locations, the data set {class_count}.")
        if weights is not None and len(weights) != count:
            raise InputError(f"model.head.weights names {len(weights)} files for model.head.count={count} classifiers.")
        self.feature_count = feature_count
        self.classifiers = nn.ModuleList(_classifier(feature_count) for _ in range(count))
        for classifier, file in zip(self.classifiers, weights or (), strict=False):
            _fill(classifier, file)

    def forward(self, pooled: Float[Tensor, "cell feature"]) -> FeaturesAndLogits:
        """Return the features as they came, and logits of the 19 locations."""
        said = torch.stack([classifier(pooled).sigmoid() for classifier in self.classifiers]).mean(dim=0)
        shown = [said[:, _CLASSES_OF[location]].amax(dim=1) for location in range(len(LOCATIONS))]
        return pooled, torch.stack(shown, dim=1).logit(eps=_MIN_PROBABILITY)


_CLASSES_OF = [
    [number for number, (_, place) in enumerate(SUBCELL_LOCATIONS) if place == location]
    for location in range(len(LOCATIONS))
]


def _classifier(feature_count: int) -> nn.Sequential:
    first, second = _HIDDEN
    return nn.Sequential(
        nn.Linear(feature_count, first),
        nn.ReLU(),
        nn.Linear(first, second),
        nn.ReLU(),
        nn.Linear(second, len(SUBCELL_LOCATIONS)),
    )


def _fill(classifier: nn.Module, file: str) -> None:
    found = read_weights(Path(file))
    told = differences(classifier.state_dict(), found)
    if told:
        raise InputError(f"model.head.weights: '{file}' does not fit a classifier of SubCell: {'; '.join(told)}.")
    classifier.load_state_dict(found)
