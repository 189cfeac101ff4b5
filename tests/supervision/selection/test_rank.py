from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpa.core.errors import InputError
from hpa.supervision.selection.rank import RankSelection
from tests.supervision.selection.told_cells import told_cells


@given(told=told_cells(), share=st.floats(0.05, 1.0))
def test_equals_a_loop_over_images(told, share):
    probabilities, _, image_of_cell = told
    beliefs = RankSelection(share)(*told)
    for image in image_of_cell.unique().tolist():
        cells = [cell for cell, whose in enumerate(image_of_cell.tolist()) if whose == image]
        for column in range(probabilities.shape[1]):
            best = sorted(cells, key=lambda cell, column=column: (-float(probabilities[cell, column]), cell))
            count = max(1, math.ceil(len(cells) * share - 1e-6))
            taken = {cell for cell in cells if beliefs[cell, column] == 1}
            assert taken in ({*best[:count]}, {*best[: count + 1]})  # float32 may round len * share up to the next


@pytest.mark.parametrize("share", [0.0, 1.1])
def test_a_share_out_of_range_is_told(share):
    with pytest.raises(InputError, match="share"):
        RankSelection(share)
