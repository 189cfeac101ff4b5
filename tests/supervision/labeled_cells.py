"""Inputs of selections: probabilities of a teacher, and the labels of each cell's image."""

from __future__ import annotations

import torch
from hypothesis import strategies as st
from torch import Tensor

LabeledCells = tuple[Tensor, Tensor, Tensor]


@st.composite
def labeled_cells(draw: st.DrawFn) -> LabeledCells:
    """Draw up to 40 cells of up to 6 images, in any order, with ties among their probabilities."""
    cells, images, classes = draw(st.integers(1, 40)), draw(st.integers(1, 6)), draw(st.integers(1, 4))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    image_of_cell = torch.randint(images, (cells,), generator=generator)
    steps = draw(st.sampled_from([3, 1000]))
    probabilities = torch.randint(steps + 1, (cells, classes), generator=generator) / steps
    image_targets = torch.randint(2, (images, classes), generator=generator).float()
    return probabilities, image_targets[image_of_cell], image_of_cell
