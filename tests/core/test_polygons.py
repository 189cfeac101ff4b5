import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from hpa.core.errors import InputError
from hpa.core.polygons import fill_polygons, overhang_px

HEIGHT, WIDTH = 12, 17


def rectangles(margin=0):
    """Left, top, right and bottom, whose edge is inside."""
    x = st.tuples(st.integers(-margin, WIDTH - 1 + margin), st.integers(-margin, WIDTH - 1 + margin)).map(sorted)
    y = st.tuples(st.integers(-margin, HEIGHT - 1 + margin), st.integers(-margin, HEIGHT - 1 + margin)).map(sorted)
    return st.tuples(x, y).map(lambda sides: (sides[0][0], sides[1][0], sides[0][1], sides[1][1]))


def polygon_of(left, top, right, bottom):
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float64)


@given(st.lists(rectangles(), max_size=4))
def test_rectangles_are_filled_edge_included_and_united(boxes):
    expected = np.zeros((HEIGHT, WIDTH), bool)
    for left, top, right, bottom in boxes:
        expected[top : bottom + 1, left : right + 1] = True
    assert np.array_equal(fill_polygons([polygon_of(*box) for box in boxes], HEIGHT, WIDTH), expected)


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 79)), min_size=3, max_size=9), st.integers(0, 8))
def test_neither_the_first_vertex_nor_the_direction_matters(vertices, first):
    polygon = np.array(vertices, np.float64)
    filled = fill_polygons([polygon], 80, 100)
    assert np.array_equal(filled, fill_polygons([np.roll(polygon, first, axis=0)], 80, 100))
    assert all(filled[y, x] for x, y in vertices)


def test_a_round_outline_is_that_of_another_painter_but_for_its_edge():
    angles = np.linspace(0, 2 * np.pi, 50, endpoint=False)
    polygon = np.rint(np.stack([60 + 40 * np.cos(angles), 50 + 30 * np.sin(angles)], axis=1))
    picture = Image.new("1", (120, 100))
    ImageDraw.Draw(picture).polygon([tuple(vertex) for vertex in polygon], fill=1, outline=1)
    filled, other = fill_polygons([polygon], 100, 120), np.array(picture)
    edge = np.zeros((100, 120), np.uint8)
    cv2.polylines(edge, [polygon.astype(np.int32)], True, 1, thickness=3)
    assert not (filled ^ other)[edge == 0].any()
    assert 2 * (filled & other).sum() / (filled.sum() + other.sum()) > 0.98


def test_what_overhangs_a_little_is_cut_off():
    polygon = polygon_of(-4, 500, 1000, 1007)
    filled = fill_polygons([polygon], 1000, 1000)
    assert filled[500:].all()
    assert not filled[:500].any()
    assert overhang_px([polygon], 1000, 1000) == 8
    assert overhang_px([polygon_of(0, 0, 999, 999)], 1000, 1000) == 0
    assert overhang_px([], 1000, 1000) == 0


@pytest.mark.parametrize(
    ("vertices", "message"),
    [
        ([[0, 0], [5, 5]], "polygon 2 has 2 vertices"),
        ([[0, 0], [5, 5], [np.nan, 3]], "NaN or infinite"),
        ([[0, 0], [5, 5], [np.inf, 3]], "NaN or infinite"),
        ([[0, 0], [25, 5], [0, 5]], "polygon 2 goes 16 px off the canvas of 10×20 px"),
        ([[0, 0], [0, -1e300], [0, 5]], "off the canvas"),
    ],
)
def test_polygons_that_cannot_be_filled_are_refused(vertices, message):
    with pytest.raises(InputError, match=message):
        fill_polygons([polygon_of(1, 1, 2, 2), np.array(vertices, np.float64)], 20, 10)


def test_an_image_has_pixels():
    with pytest.raises(InputError, match="at least one pixel"):
        fill_polygons([], 0, 5)
