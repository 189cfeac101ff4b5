"""From a backbone's features to class logits: `model/head=linear|dense`."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hpa.core.errors import InputError

FeaturesAndLogits = tuple[Float[Tensor, "cell feature"], Float[Tensor, "cell class"]]


class LinearHead(nn.Module):
    """One linear layer; it returns the features unchanged, before dropout.

    Args:
        feature_count: Length of a feature vector.
        class_count: Number of classes.
        drop_rate: Dropout before the layer.
        prior: Probability that every class starts with, in (0, 1): with a bias of log(prior / (1 - prior)) the many
            negatives do not swamp the first steps (Lin et al., 2017, arXiv:1708.02002, section 4.1).

    Raises:
        InputError: If the prior does not lie between 0 and 1.
    """

    def __init__(self, feature_count: int, class_count: int, drop_rate: float, prior: float) -> None:
        super().__init__()
        self.feature_count = feature_count
        self.dropout = nn.Dropout(drop_rate)
        self.classifier = _classifier(feature_count, class_count, prior)

    def forward(self, pooled: Float[Tensor, "cell feature"]) -> FeaturesAndLogits:
        """Return features and logits."""
        return pooled, self.classifier(self.dropout(pooled))


class DenseHead(nn.Module):
    """A hidden layer before the linear one; the features it returns are the hidden layer's.

    Layer normalisation, not batch normalisation: an image with a single cell is a batch of one.

    Args:
        feature_count: Length of a feature vector.
        class_count: Number of classes.
        hidden_count: Width of the hidden layer.
        drop_rate: Dropout before either layer.
        prior: As in `LinearHead`.

    Raises:
        InputError: If the prior does not lie between 0 and 1.
    """

    def __init__(self, feature_count: int, class_count: int, hidden_count: int, drop_rate: float, prior: float) -> None:
        super().__init__()
        self.feature_count = hidden_count
        self.hidden = nn.Sequential(
            nn.Dropout(drop_rate), nn.Linear(feature_count, hidden_count), nn.LayerNorm(hidden_count), nn.GELU()
        )
        self.dropout = nn.Dropout(drop_rate)
        self.classifier = _classifier(hidden_count, class_count, prior)

    def forward(self, pooled: Float[Tensor, "cell pooled_feature"]) -> FeaturesAndLogits:
        """Return features and logits."""
        features = self.hidden(pooled)
        return features, self.classifier(self.dropout(features))


def _classifier(feature_count: int, class_count: int, prior: float) -> nn.Linear:
    """Return a linear layer whose outputs start at the prior."""
    if not 0 < prior < 1:
        raise InputError(f"model.head.prior must lie between 0 and 1, not {prior}.")
    layer = nn.Linear(feature_count, class_count)
    with torch.no_grad():
        layer.weight.normal_(std=0.01)  # small, as in the paper: the bias alone decides the start
        layer.bias.fill_(math.log(prior / (1 - prior)))
    return layer
