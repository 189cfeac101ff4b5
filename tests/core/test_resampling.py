"""A window of a resized plane is what OpenCV makes of the whole plane there."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpa.core.resampling import Resampling, nearest, nearest_exact
from hpa.core.windows import Window


@given(st.integers(1, 90), st.integers(1, 90), st.floats(1, 6), st.booleans(), st.data())
def test_windows_of_a_shrunk_plane(height, width, factor, is_float, data):
    size = tuple(max(1, round(side / factor)) for side in (height, width))
    top, left = (data.draw(st.integers(0, side - 1)) for side in size)
    window = Window(top, left, data.draw(st.integers(top + 1, size[0])), data.draw(st.integers(left + 1, size[1])))
    plane = np.random.default_rng(height).integers(0, 256, (height, width)).astype(np.uint8)
    plane = plane.astype(np.float32) if is_float else plane
    whole = cv2.resize(plane, size[::-1], interpolation=cv2.INTER_AREA)
    resampling = Resampling((height, width), size)
    found = resampling.plane(plane[resampling.source(window).slices], window)
    difference = np.abs(found.astype(np.float64) - whole[window.slices])
    assert difference.max() <= (1e-3 if is_float else 1)
    assert (difference > 1e-3).mean() <= 0.1  # levels half way between two are rounded either way


@given(st.integers(2, 60), st.integers(2, 60), st.floats(1, 6), st.data())
def test_windows_of_an_enlarged_plane(height, width, factor, data):
    size = (round(height * factor), round(width * factor))
    top, left = (data.draw(st.integers(0, side - 1)) for side in size)
    window = Window(top, left, data.draw(st.integers(top + 1, size[0])), data.draw(st.integers(left + 1, size[1])))
    plane = np.random.default_rng(height).random((height, width), np.float32)
    whole = cv2.resize(plane, size[::-1], interpolation=cv2.INTER_LINEAR)
    resampling = Resampling((height, width), size, "linear")
    found = resampling.plane(plane[resampling.source(window).slices], window)
    np.testing.assert_allclose(found, whole[window.slices], atol=1e-4)


@pytest.mark.parametrize(("full", "size"), [(4096, 1024), (1000, 333), (97, 96), (2048, 511), (5, 5), (7, 1)])
def test_numbers_are_enlarged_as_by_opencv(full, size):
    numbers = np.arange(size, dtype=np.int32)[None]
    exact = cv2.resize(numbers, (full, 1), interpolation=cv2.INTER_NEAREST_EXACT)[0]
    plain = cv2.resize(numbers.astype(np.float64), (full, 1), interpolation=cv2.INTER_NEAREST)[0]
    np.testing.assert_array_equal(nearest_exact(full, size, 0, full), exact)
    np.testing.assert_array_equal(nearest(full, size, 3, full), plain[3:])
