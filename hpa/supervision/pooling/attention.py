"""Attention-based pooling (Ilse, Tomczak and Welling, 2018, arXiv:1802.04712), with weights for each class.

The network learns which cells to listen to. The paper weighs features and classifies their mean; here the weights of
each class are put on the cells' own logits, so that what is trained is what is submitted of each cell.
"""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor, nn

from hpa.interfaces import CellModel, CellOutput
from hpa.supervision.pooling.packed import bag_softmax, bag_sum


class AttentionPool(nn.Module):
    """Logits of the cells, weighted by softmax(w . tanh(V feature)) over their bag.

    It starts as the mean: the weights of the last layer are 0.

    Args:
        hidden_count: Width of the hidden layer; 128 in the paper.
    """

    score: nn.Sequential
    """From features to one score a class; made by `attach`."""

    def __init__(self, hidden_count: int) -> None:
        super().__init__()
        self.hidden_count = hidden_count

    def attach(self, model: CellModel) -> None:
        """Make the layers for the network's features and classes."""
        last = nn.Linear(self.hidden_count, model.class_count)
        nn.init.zeros_(last.weight)
        self.score = nn.Sequential(nn.Linear(model.feature_count, self.hidden_count), nn.Tanh(), last)

    def forward(
        self, output: CellOutput, bag_of_cell: Int[Tensor, " cell"], bag_count: int
    ) -> Float[Tensor, "bag class"]:
        """Return the logits of each bag."""
        weights = bag_softmax(self.score(output.features), bag_of_cell, bag_count)
        return bag_sum(weights * output.logits, bag_of_cell, bag_count)
