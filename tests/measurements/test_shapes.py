import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.measure import regionprops

from hpa.core.label_map import relabel
from hpa.measurements.pixel_runs import PixelRuns
from hpa.measurements.shapes import outlines_of, shapes_of
from tests.core.random_label_maps import label_maps


def measured(cells):
    count = int(cells.max(initial=0))
    return shapes_of(PixelRuns.of(cells, count)), outlines_of(cells, count)


@given(label_maps().map(relabel))
def test_moments_and_perimeter_are_those_of_scikit_image(cells):
    shapes, outlines = measured(cells)
    for index, region in enumerate(regionprops(cells)):
        assert shapes.area_px[index] == region.area
        np.testing.assert_allclose(shapes.centroid_px[index], region.centroid)
        # a line has no minor axis: its square root shows rounding at 1e-7
        np.testing.assert_allclose(shapes.axis_major_px[index], region.axis_major_length, atol=1e-6)
        np.testing.assert_allclose(shapes.axis_minor_px[index], region.axis_minor_length, atol=1e-6)
        np.testing.assert_allclose(shapes.eccentricity[index], region.eccentricity, atol=1e-6)
        np.testing.assert_allclose(outlines.perimeter_px[index], region.perimeter)


@given(label_maps().map(relabel))
def test_neighbours_are_those_that_a_pixel_of_the_cell_touches(cells):
    _, outlines = measured(cells)
    for index in range(cells.max(initial=0)):
        grown = cv2.dilate((cells == index + 1).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        assert outlines.neighbours[index] == len(set(cells[grown].tolist()) - {0, index + 1})
        assert (outlines.contact_share[index] > 0) == (outlines.neighbours[index] > 0)


@given(label_maps().map(relabel), st.integers(1, 3), st.integers(0, 9), st.integers(0, 9))
def test_neither_place_nor_quarter_rotations_matter(cells, rotations, down, right):
    moved = np.pad(np.rot90(cells, rotations), ((down, 2), (right, 1)))
    for before, after in zip(measured(cells), measured(moved), strict=True):
        for name, values in vars(before).items():
            if name != "centroid_px":
                np.testing.assert_allclose(vars(after)[name], values, atol=2e-5, err_msg=name)


@pytest.mark.parametrize("radius", [20, 60.5, 150])
def test_a_disc_is_as_geometry_has_it(radius):
    y, x = np.mgrid[:320, :340]
    shapes, outlines = measured(((y - 160.2) ** 2 + (x - 170.7) ** 2 < radius**2).astype(np.int32))
    assert shapes.area_px[0] == pytest.approx(np.pi * radius**2, rel=0.01)
    assert outlines.perimeter_px[0] == pytest.approx(1.05 * 2 * np.pi * radius, rel=0.03)  # as documented
    assert shapes.axis_major_px[0] == pytest.approx(2 * radius, rel=0.01)
    assert shapes.eccentricity[0] < 0.12
    assert shapes.solidity[0] > 0.96


@given(st.integers(2, 40), st.integers(2, 40))
def test_a_rectangle_is_as_geometry_has_it(height, width):
    cells = np.zeros((50, 50), np.int32)
    cells[3 : 3 + height, 5 : 5 + width] = 1
    shapes, outlines = measured(cells)
    assert shapes.solidity[0] == 1
    assert outlines.perimeter_px[0] == 2 * (height + width) - 4  # between the centres of its pixels
    sides = sorted(4 * np.sqrt((side**2 - 1) / 12) for side in (height, width))
    assert [shapes.axis_minor_px[0], shapes.axis_major_px[0]] == pytest.approx(sides)


def test_the_hull_closes_bays_and_nothing_else():
    cells = np.zeros((30, 30), np.int32)
    cells[5:25, 5:10], cells[20:25, 5:25] = 1, 1  # an L: its hull is a square without a triangle
    shapes, _ = measured(cells)
    assert shapes.solidity[0] == (20 * 20 - 15 * 15) / (20 * 20 - 15 * 15 / 2)


def test_one_pixel_and_nothing():
    cells = np.zeros((4, 5), np.int32)
    for shapes, outlines in (measured(cells), measured(np.zeros((1, 1), np.int32))):
        assert all(len(values) == 0 for values in [*vars(shapes).values(), *vars(outlines).values()])
    cells[2, 3] = 1
    shapes, outlines = measured(cells)
    assert (shapes.area_px[0], shapes.axis_major_px[0], shapes.eccentricity[0], shapes.solidity[0]) == (1, 0, 0, 1)
    assert (outlines.perimeter_px[0], outlines.neighbours[0]) == (0, 0)
