"""Pools with learned weights for each cell and class: attention, gated attention, a transformer over the bag.

The papers weigh features and classify their mean; here the weights of each class apply to the cells' own logits, so
that what is trained is what is submitted for each cell. All start as the mean: the last layer's weights are 0.
"""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor, nn

from hpa.core.errors import InputError
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


class TransformerPool(nn.Module):
    """Logits of the cells, weighted by a softmax over their bag of scores from self-attention between its cells.

    Self-attention has no order of cells (Lee et al., 2019, Set Transformer, arXiv:1810.00825; for bags of image patches
    Shao et al., 2021, TransMIL, arXiv:2106.00908). All cells of a batch form one sequence, and a mask separates the
    bags: n^2 scores for n cells, no padding.

    Args:
        width: Width of the tokens.
        head_count: Heads of attention; divides `width`.
        layer_count: Layers.
        drop_rate: Dropout inside the layers.
        model: The network whose features and classes it reads.

    Raises:
        InputError: If the heads do not divide the width.
    """

    def __init__(self, width: int, head_count: int, layer_count: int, drop_rate: float, model: CellModel) -> None:
        super().__init__()
        if width % head_count:
            raise InputError(
                f"supervision.pooling.head_count must divide supervision.pooling.width; {head_count} does not {width}."
            )
        self.narrow = nn.Linear(model.feature_count, width)
        layer = nn.TransformerEncoderLayer(width, head_count, 2 * width, drop_rate, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, layer_count, enable_nested_tensor=False)
        self.score = nn.Linear(width, model.class_count)
        nn.init.zeros_(self.score.weight)

    def forward(
        self, output: CellOutput, bag_of_cell: Int[Tensor, " cell"], bag_count: int
    ) -> Float[Tensor, "bag class"]:
        """Return the logits of each bag."""
        other_bag = bag_of_cell[:, None] != bag_of_cell[None]
        tokens = self.encoder(self.narrow(output.features)[None], mask=other_bag)[0]
        weights = bag_softmax(self.score(tokens), bag_of_cell, bag_count)
        return bag_sum(weights * output.logits, bag_of_cell, bag_count)
