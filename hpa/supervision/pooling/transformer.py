"""Cells look at each other before the image listens to them: a transformer over the bag.

Self-attention has no order of cells (Lee et al., 2019, Set Transformer, arXiv:1810.00825; for bags of image patches
Shao et al., 2021, TransMIL, arXiv:2106.00908). It decides the weights only: the cells' own logits are what is pooled,
so that what is trained is what is submitted of each cell.
"""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.interfaces import CellModel, CellOutput
from hpa.supervision.pooling.packed import bag_softmax, bag_sum


class TransformerPool(nn.Module):
    """Logits of the cells, weighted by a softmax over their bag of scores that self-attention gives.

    All cells of a batch stand in one sequence, and a mask keeps bags apart: n^2 scores for n cells, nothing padded.
    It starts as the mean: the weights of the last layer are 0.

    Args:
        width: Numbers that describe a cell inside.
        head_count: Heads of attention; divides `width`.
        layer_count: Layers.
        drop_rate: Dropout inside the layers.

    Raises:
        InputError: If the heads do not divide the width.
    """

    narrow: nn.Linear
    encoder: nn.TransformerEncoder
    score: nn.Linear
    """Made by `attach`."""

    def __init__(self, width: int, head_count: int, layer_count: int, drop_rate: float) -> None:
        super().__init__()
        if width % head_count:
            raise InputError(
                f"supervision.pooling.head_count must divide supervision.pooling.width; {head_count} does not {width}."
            )
        self.width = width
        self.head_count = head_count
        self.layer_count = layer_count
        self.drop_rate = drop_rate

    def attach(self, model: CellModel) -> None:
        """Make the layers for the network's features and classes."""
        self.narrow = nn.Linear(model.feature_count, self.width)
        layer = nn.TransformerEncoderLayer(
            self.width, self.head_count, 2 * self.width, self.drop_rate, batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, self.layer_count, enable_nested_tensor=False)
        self.score = nn.Linear(self.width, model.class_count)
        nn.init.zeros_(self.score.weight)

    def forward(
        self, output: CellOutput, bag_of_cell: Int[Tensor, " cell"], bag_count: int
    ) -> Float[Tensor, "bag class"]:
        """Return the logits of each bag."""
        apart = bag_of_cell[:, None] != bag_of_cell[None]
        seen = self.encoder(self.narrow(output.features)[None], mask=apart)[0]
        weights = bag_softmax(self.score(seen), bag_of_cell, bag_count)
        return bag_sum(weights * output.logits, bag_of_cell, bag_count)
