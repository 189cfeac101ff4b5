"""Random logits and targets of planes for the property tests of losses of pixels."""

from __future__ import annotations

import torch
from hypothesis import strategies as st
from torch import Tensor


@st.composite
def planes_of_logits_and_targets(draw, planes: int | None = None) -> tuple[Tensor, Tensor]:
    """Draw logits and as many targets, 0 or 1, of a few images of a few pixels, in float64."""
    sizes = st.integers(1, 4)
    shape = (draw(sizes), planes or draw(sizes), draw(sizes), draw(sizes))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    logits = draw(st.floats(0.1, 10)) * torch.randn(shape, dtype=torch.float64, generator=generator)
    targets = torch.rand(shape, dtype=torch.float64, generator=generator) < draw(st.floats(0, 1))
    return logits, targets.double()
