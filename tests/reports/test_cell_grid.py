import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpa.core.errors import InputError
from hpa.reports.cell_grid import grid_of_cells


def pictures(count, side=40):
    return np.full((count, side, side, 3), 200, np.uint8)


@settings(max_examples=30)
@given(st.integers(0, 9), st.integers(1, 4), st.text(max_size=30))
def test_every_cell_is_pasted_whatever_is_written(count, columns, text):
    panel = grid_of_cells(pictures(count), [text] * count, [text] * count, columns)
    assert panel.dtype == np.uint8
    assert (panel == 200).all(axis=2).sum() >= count * 40 * 40


def test_words_stand_under_their_cell_and_inside_its_width():
    bare = grid_of_cells(pictures(2), ["", ""], ["", ""])
    written = grid_of_cells(pictures(2), ["", "Golgi"], ["", "Golgi 0.93"])
    changed = np.argwhere((bare != written[: len(bare)]).any(axis=2))
    assert len(changed) > 20
    assert changed[:, 0].min() >= 8 + 40
    assert changed[:, 1].min() >= 8 + 40 + 8
    assert changed[:, 1].max() < 8 + 40 + 8 + 40


def test_long_text_is_wrapped_not_lost():
    short = grid_of_cells(pictures(1, 90), ["Cytosol"], ["Cytosol 0.93"])
    long = grid_of_cells(pictures(1, 90), ["Cytosol"], ["Vesicles and punctate cytosolic patterns 0.93"])
    assert long.shape[0] > short.shape[0]
    assert long.shape[1] == short.shape[1]


def test_each_cell_needs_its_texts():
    with pytest.raises(InputError, match="one of each for every cell"):
        grid_of_cells(pictures(2), ["a"], ["b", "c"])
