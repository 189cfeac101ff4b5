import numpy as np
import pytest

from hpa.core.errors import InputError
from hpa.segmenters.hpa_cell.edge_cells import edge_cells_of, with_edge_markers, without_bare_edge_cells


def test_only_large_interiors_at_the_edge_without_nucleus_become_markers() -> None:
    interiors = np.zeros((6, 12), np.int32)
    interiors[0:3, 0:3] = 1  # at the edge, without nucleus
    interiors[0:3, 4:7] = 2  # at the edge, with nucleus
    interiors[2:5, 8:11] = 3  # inside
    interiors[5, 0:2] = 4  # too small
    nuclei = np.zeros_like(interiors)
    nuclei[1, 5] = 1
    expected = nuclei.copy()
    expected[0:3, 0:3] = 2
    np.testing.assert_array_equal(with_edge_markers(nuclei, interiors, 4), expected)


def test_bare_cells_at_the_edge_go_and_numbers_close_up() -> None:
    cells = np.array([[1, 1, 0, 2, 2], [0, 0, 3, 0, 0], [4, 4, 0, 0, 0]], np.int32)
    nuclei = np.zeros_like(cells)
    nuclei[0, 3], nuclei[2, 0] = 2, 4
    found_nuclei, found = without_bare_edge_cells(nuclei, cells)
    np.testing.assert_array_equal(found, [[0, 0, 0, 1, 1], [0, 0, 2, 0, 0], [3, 3, 0, 0, 0]])
    np.testing.assert_array_equal(found_nuclei, np.where(nuclei > 0, found, 0))


def test_words() -> None:
    assert [edge_cells_of(word) for word in ("kept", "dropped", "merged")] == ["kept", "dropped", "merged"]
    with pytest.raises(InputError, match="kept, dropped, merged"):
        edge_cells_of("gone")
