"""Random bags for the tests of pools: cells of several bags in any order, none empty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor, nn

from hpa.interfaces import CellBatch, CellOutput

FEATURES, CLASSES = 5, 3


class PixelNetwork(nn.Module):
    """A network whose features and logits are the first pixels."""

    feature_count = FEATURES
    class_count = CLASSES

    def forward(self, batch: CellBatch) -> CellOutput:
        pixels = batch.crops.flatten(1)
        return CellOutput(pixels[:, :FEATURES], pixels[:, :CLASSES])


@dataclass
class Bags:
    """The input of a pool, and a way to call it."""

    output: CellOutput
    bag_of_cell: Tensor
    count: int

    def pooled(self, pool: nn.Module) -> Tensor:
        """Pool all bags at once."""
        return pool(self.output, self.bag_of_cell, self.count)

    def alone(self, bag: int) -> Bags:
        """Take one bag out."""
        rows = (self.bag_of_cell == bag).nonzero()[:, 0]
        output = CellOutput(self.output.features[rows], self.output.logits[rows])
        return Bags(output, torch.zeros(len(rows), dtype=torch.int64), 1)


def bags_of(logits: Tensor, bag_of_cell: list[int], seed: int = 0) -> Bags:
    """Make bags of these logits with random features."""
    features = torch.randn(len(logits), FEATURES, generator=torch.Generator().manual_seed(seed), dtype=logits.dtype)
    return Bags(CellOutput(features, logits), torch.tensor(bag_of_cell), max(bag_of_cell) + 1)


@st.composite
def bags(draw, limit: float = 30.0) -> Bags:
    """Draw bags of one to six cells in float64."""
    sizes = draw(st.lists(st.integers(1, 6), min_size=1, max_size=4))
    order = draw(st.permutations([bag for bag, size in enumerate(sizes) for _ in range(size)]))
    logits = draw(arrays(np.float64, (len(order), CLASSES), elements=st.floats(-limit, limit)))
    return bags_of(torch.from_numpy(logits), order, seed=len(order))


def random_weights(pool: nn.Module, seed: int = 0) -> nn.Module:
    """Give a pool float64 weights, if it has any, random also where it starts at 0."""
    torch.manual_seed(seed)
    for parameter in pool.parameters():
        nn.init.normal_(parameter, std=0.5)
    return pool.double().eval()
