"""Random logits and targets for the property tests of losses."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor

SHAPES = st.tuples(st.integers(1, 4), st.integers(1, 5))


@st.composite
def logits_and_targets(draw, soft: bool = True) -> tuple[Tensor, Tensor]:
    """Draw logits in [-30, 30] and as many targets in [0, 1], hard or soft, in float64."""
    shape = draw(SHAPES)
    logits = draw(arrays(np.float64, shape, elements=st.floats(-30, 30)))
    elements = st.floats(0, 1) if soft else st.sampled_from([0.0, 1.0])
    return torch.from_numpy(logits), torch.from_numpy(draw(arrays(np.float64, shape, elements=elements)))
