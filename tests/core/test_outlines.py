import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hpa.core.errors import InputError
from hpa.core.outlines import fill_outlines, outlines_of

masks = arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9)))


@given(masks)
def test_a_mask_comes_back_from_its_outlines(mask):
    np.testing.assert_array_equal(fill_outlines(outlines_of(mask), *mask.shape), mask)


@given(masks)
def test_outlines_are_valid_polygons_of_the_area_of_their_pixels(mask):
    for rings in outlines_of(mask):
        polygon = shapely.Polygon(rings[0], rings[1:])
        assert shapely.is_valid(polygon), shapely.is_valid_reason(polygon)
        assert polygon.exterior.is_ccw
        rows, columns = np.indices(mask.shape) + 0.5
        assert polygon.area == shapely.contains_xy(polygon, columns, rows).sum()


def test_holes_and_parts_have_rings_of_their_own():
    mask = np.zeros((5, 8), bool)
    mask[:, :5] = True
    mask[1:3, 1:3] = mask[3, 3] = False
    mask[2, 6] = True
    assert [len(part) for part in outlines_of(mask)] == [3, 1]


def test_places_are_those_of_the_whole_image():
    [[ring]] = outlines_of(np.ones((2, 3), bool), left=10, top=20)
    assert ring.min(axis=0).tolist() == [10, 20]
    assert ring.max(axis=0).tolist() == [13, 22]


def test_no_cell_has_no_outline():
    assert outlines_of(np.zeros((3, 3), bool)) == []


@pytest.mark.parametrize(
    ("ring", "words"),
    [
        ([[0, 0], [1, 0], [0, 0]], "3 points"),
        ([[0, 0], [1, 0], [1, np.nan], [0, 0]], "NaN"),
        ([[0, 0], [40, 0], [1, 1], [0, 0]], "off the image of 5×4 px"),
    ],
)
def test_bad_rings_are_refused(ring, words):
    with pytest.raises(InputError, match=words):
        fill_outlines([[np.array(ring, float)]], 4, 5)
