"""Where cells lie on the grid, against loops over pixels; what the network is resized."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpa.cells.fields.spec import FieldSpec, coverage_of, resized_field
from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.core.label_map import relabel


def scattered_cells(seed: int, height: int, width: int, count: int) -> np.ndarray:
    return relabel(np.random.default_rng(seed).integers(0, count + 1, (height, width)).astype(np.int32))


def overlap(start: float, stop: float, place: int) -> float:
    return max(0.0, min(stop, place + 1) - max(start, place))


def slow_coverage(cells: np.ndarray, spec: FieldSpec, stride: int) -> np.ndarray:
    """Pixel by pixel, place by place."""
    grid, sizes = spec.side_px // stride, spec.size_of(*cells.shape)
    places = [resized / full / stride for resized, full in zip(sizes, cells.shape, strict=True)]
    area = np.zeros((cells.max(), grid, grid))
    for y, x in np.argwhere(cells > 0):
        for row in range(grid):
            for column in range(grid):
                tall = overlap(y * places[0], (y + 1) * places[0], row)
                wide = overlap(x * places[1], (x + 1) * places[1], column)
                area[cells[y, x] - 1, row, column] += tall * wide
    return area / area.sum(axis=(1, 2), keepdims=True)


@given(
    seed=st.integers(0, 1000),
    height=st.integers(1, 23),
    width=st.integers(1, 23),
    stride=st.sampled_from([2, 4]),
    places=st.integers(1, 4),
)
@settings(max_examples=40, deadline=None)
def test_shares_are_those_of_a_loop_over_pixels_at_any_scale(seed, height, width, stride, places):
    spec = FieldSpec(("green",), side_px=places * stride)
    cells = scattered_cells(seed, height, width, 3)
    if cells.max() == 0:
        assert coverage_of(cells, spec, stride).shape == (0, places, places)
        return
    coverage = coverage_of(cells, spec, stride)
    np.testing.assert_allclose(coverage, slow_coverage(cells, spec, stride), atol=1e-6)
    np.testing.assert_allclose(coverage.sum(axis=(1, 2)), 1, atol=1e-5)


@given(seed=st.integers(0, 1000), factor=st.integers(1, 6), places=st.integers(1, 6))
@settings(max_examples=40, deadline=None)
def test_the_mean_by_shares_is_the_mean_under_the_full_size_mask(seed, factor, places):
    cells = scattered_cells(seed, factor * places, factor * places, 5)
    plane = np.random.default_rng(seed + 1).standard_normal((places, places))
    enlarged = np.kron(plane, np.ones((factor, factor)))
    expected = [enlarged[cells == cell].mean() for cell in range(1, cells.max() + 1)]
    coverage = coverage_of(cells, FieldSpec(("green",), side_px=8 * places), stride=8)
    np.testing.assert_allclose((coverage * plane).sum(axis=(1, 2)), expected, atol=1e-5)


def test_a_cell_of_one_pixel_is_not_lost():
    cells = np.zeros((512, 512), np.int32)
    cells[300, 17] = 1
    coverage = coverage_of(cells, FieldSpec(("green",), 64), stride=32)
    assert coverage[0].tolist() == [[0, 0], [1, 0]]


def test_more_than_a_byte_of_cells():
    cells = np.arange(1, 401, dtype=np.int32).reshape(20, 20)
    coverage = coverage_of(cells, FieldSpec(("green",), 20), stride=1)
    assert np.array_equal(coverage.reshape(400, 400), np.eye(400, dtype=np.float32))


def grey_field(height: int, width: int, dtype: type = np.uint8) -> Field:
    planes = np.stack([np.full((height, width), value, dtype) for value in (10, 200)])
    return Field("a", planes, ("green", "blue"), 0.3)


@pytest.mark.parametrize(("height", "width", "resized"), [(30, 60, (8, 16)), (60, 30, (16, 8)), (7, 7, (16, 16))])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_field_is_fitted_into_the_square_with_black_beside_it(height, width, resized, dtype):
    planes = resized_field(grey_field(height, width, dtype), FieldSpec(("blue", "green"), 16))
    assert planes.dtype == dtype
    assert (planes[0, : resized[0], : resized[1]] == 200).all()
    assert (planes[1, : resized[0], : resized[1]] == 10).all()
    assert planes[0].sum() == 200 * resized[0] * resized[1]


def test_impossible_settings_are_refused():
    with pytest.raises(InputError, match=r"field\.side_px=100 is no multiple of model\.stride=16.*side_px=96"):
        FieldSpec(("green",), 100).grid_of(16)
    with pytest.raises(InputError, match="side_px >= 1"):
        FieldSpec(("green",), 0)
    with pytest.raises(InputError, match="channel 'violet'"):
        resized_field(grey_field(8, 8), FieldSpec(("violet",), 8))


def test_other_settings_have_other_fingerprints():
    specs = [FieldSpec(("green",), 8), FieldSpec(("blue",), 8), FieldSpec(("green",), 16)]
    assert len({spec.fingerprint() for spec in specs}) == 3
    assert FieldSpec(["green"], 8).fingerprint() == specs[0].fingerprint()
