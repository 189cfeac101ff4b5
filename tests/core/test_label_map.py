import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpa.core.errors import InputError
from hpa.core.label_map import areas_of, boxes_of, edge_contact_of, labels_of, mask_in_box, relabel
from tests.core.random_label_maps import label_maps


@given(label_maps(numbers=st.sampled_from([0, 3, 4, 70_000, 2_000_000_000])))
def test_relabel_keeps_the_order_and_closes_the_gaps(label_map):
    numbers, ranks = np.unique(np.append(label_map, 0), return_inverse=True)
    assert np.array_equal(relabel(label_map), ranks[:-1].reshape(label_map.shape))
    assert relabel(label_map).dtype == np.int32
    assert labels_of(label_map).tolist() == [number for number in numbers.tolist() if number]


def test_more_cells_than_16_bits_can_count():
    label_map = np.arange(70_000, dtype=np.int64).reshape(250, 280) * 2
    assert relabel(label_map).max() == 69_999
    assert len(areas_of(relabel(label_map))) == 69_999


@given(label_maps())
def test_boxes_areas_edges_and_cut_outs_agree_with_the_pixels(label_map):
    cells = relabel(label_map)
    boxes, areas, contacts = boxes_of(cells), areas_of(cells), edge_contact_of(cells)
    height, width = cells.shape
    assert len(boxes) == len(areas) == len(contacts) == cells.max()
    for number in range(1, cells.max() + 1):
        pixels = [(row, column) for row in range(height) for column in range(width) if cells[row, column] == number]
        rows, columns = zip(*pixels, strict=True)
        assert boxes[number - 1].tolist() == [min(rows), min(columns), max(rows) + 1, max(columns) + 1]
        assert areas[number - 1] == len(pixels)
        assert contacts[number - 1] == sum(row in (0, height - 1) or column in (0, width - 1) for row, column in pixels)
        cell = mask_in_box(cells, number, boxes[number - 1])
        assert cell.sum() == len(pixels)
        assert cell.shape == (max(rows) - min(rows) + 1, max(columns) - min(columns) + 1)


def test_an_empty_map_has_no_cells():
    nothing = np.zeros((3, 4), np.int32)
    assert boxes_of(nothing).shape == (0, 4)
    assert areas_of(nothing).tolist() == edge_contact_of(nothing).tolist() == []


def test_gaps_and_negative_numbers_are_refused():
    with pytest.raises(InputError, match="number 1 has no pixel"):
        boxes_of(np.array([[0, 2]], np.int32))
    with pytest.raises(InputError, match="goes down to -1"):
        relabel(np.array([[-1, 2]], np.int32))
