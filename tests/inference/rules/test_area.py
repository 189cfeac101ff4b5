import numpy as np
import pytest
from hypothesis import given

from hpa.core.errors import InputError
from hpa.inference.rules.area import AreaRule
from tests.inference.rules.fields import LABEL_MAPS, field_of


def ones_for(cells):
    return np.ones((int(cells.max(initial=0)), 2), np.float32)


@given(cells=LABEL_MAPS)
def test_cells_are_compared_with_the_uncut_ones_counted_pixel_by_pixel(cells):
    found = AreaRule(full_share_at_edge=2.0, full_share_inside=0.5)(field_of(cells), ones_for(cells))
    height, width = cells.shape
    places = {
        cell: [(y, x) for y in range(height) for x in range(width) if cells[y, x] == cell]
        for cell in range(1, cells.max(initial=0) + 1)
    }
    cut = {cell: any(y in (0, height - 1) or x in (0, width - 1) for y, x in spots) for cell, spots in places.items()}
    whole = [len(spots) for cell, spots in places.items() if not cut[cell]] or [len(spots) for spots in places.values()]
    for cell, spots in places.items():
        full = np.median(whole) * (2.0 if cut[cell] else 0.5)
        assert found[cell - 1] == pytest.approx(min(1, len(spots) / full))


@given(cells=LABEL_MAPS)
def test_neither_resolution_nor_magnification_shows(cells):
    rule = AreaRule(full_share_at_edge=1.0, full_share_inside=0.5)
    fine = np.kron(cells, np.ones((2, 2), np.int32)).astype(np.int32)
    np.testing.assert_allclose(rule(field_of(fine), ones_for(fine)), rule(field_of(cells), ones_for(cells)))


@pytest.mark.parametrize("shares", [(0.0, 1.0), (1.0, -1.0), (float("nan"), 1.0)])
def test_shares_that_make_no_sense_are_refused(shares):
    with pytest.raises(InputError, match="above 0"):
        AreaRule(*shares)
