"""Gated attention pooling (Ilse, Tomczak and Welling, 2018, arXiv:1802.04712, equation 9), with weights for each class.

Tanh is nearly linear around 0; a sigmoid gate beside it lets attention learn more than a plane.
"""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor, nn

from hpa.interfaces import CellModel, CellOutput
from hpa.supervision.pooling.packed import bag_softmax, bag_sum


class GatedAttentionPool(nn.Module):
    """Logits of the cells, weighted by softmax(w . (tanh(V feature) * sigmoid(U feature))) over their bag.

    It starts as the mean: the weights of the last layer are 0.

    Args:
        hidden_count: Width of the hidden layer; 128 in the paper.
    """

    content: nn.Linear
    gate: nn.Linear
    score: nn.Linear
    """Layers V, U and w; made by `attach`."""

    def __init__(self, hidden_count: int) -> None:
        super().__init__()
        self.hidden_count = hidden_count

    def attach(self, model: CellModel) -> None:
        """Make the layers for the network's features and classes."""
        self.content = nn.Linear(model.feature_count, self.hidden_count)
        self.gate = nn.Linear(model.feature_count, self.hidden_count)
        self.score = nn.Linear(self.hidden_count, model.class_count)
        nn.init.zeros_(self.score.weight)

    def forward(
        self, output: CellOutput, bag_of_cell: Int[Tensor, " cell"], bag_count: int
    ) -> Float[Tensor, "bag class"]:
        """Return the logits of each bag."""
        gated = self.content(output.features).tanh() * self.gate(output.features).sigmoid()
        weights = bag_softmax(self.score(gated), bag_of_cell, bag_count)
        return bag_sum(weights * output.logits, bag_of_cell, bag_count)
