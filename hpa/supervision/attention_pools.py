"""Pools with learned weights for each cell and class: attention and gated attention.

The papers weigh features and classify their mean; here the weights of each class apply to the cells' own logits, so
that what is trained is what is submitted for each cell. All start as the mean: the last layer's weights are 0.
"""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor, nn

from hpa.interfaces import CellModel, CellOutput
from hpa.supervision.bags import bag_softmax, bag_sum


class AttentionPool(nn.Module):
    """Logits of the cells, weighted by softmax(w . tanh(V feature)) over their bag.

    Ilse, Tomczak and Welling, 2018, arXiv:1802.04712.

    Args:
        hidden_count: Width of the hidden layer; 128 in the paper.
        model: The network whose features and classes it reads.
    """

    def __init__(self, hidden_count: int, model: CellModel) -> None:
        super().__init__()
        last = nn.Linear(hidden_count, model.class_count)
        nn.init.zeros_(last.weight)
        self.score = nn.Sequential(nn.Linear(model.feature_count, hidden_count), nn.Tanh(), last)

    def forward(
        self, output: CellOutput, bag_of_cell: Int[Tensor, " cell"], bag_count: int
    ) -> Float[Tensor, "bag class"]:
        """Return the logits of each bag."""
        weights = bag_softmax(self.score(output.features), bag_of_cell, bag_count)
        return bag_sum(weights * output.logits, bag_of_cell, bag_count)


class GatedAttentionPool(nn.Module):
    """Logits of the cells, weighted by softmax(w . (tanh(V feature) * sigmoid(U feature))) over their bag.

    Ilse, Tomczak and Welling, 2018, arXiv:1802.04712, equation 9: tanh is nearly linear around 0; with a sigmoid gate
    attention can learn more than a plane.

    Args:
        hidden_count: Width of the hidden layer; 128 in the paper.
        model: The network whose features and classes it reads.
    """

    def __init__(self, hidden_count: int, model: CellModel) -> None:
        super().__init__()
        self.content = nn.Linear(model.feature_count, hidden_count)
        self.gate = nn.Linear(model.feature_count, hidden_count)
        self.score = nn.Linear(hidden_count, model.class_count)
        nn.init.zeros_(self.score.weight)

    def forward(
        self, output: CellOutput, bag_of_cell: Int[Tensor, " cell"], bag_count: int
    ) -> Float[Tensor, "bag class"]:
        """Return the logits of each bag."""
        gated = self.content(output.features).tanh() * self.gate(output.features).sigmoid()
        weights = bag_softmax(self.score(gated), bag_of_cell, bag_count)
        return bag_sum(weights * output.logits, bag_of_cell, bag_count)
