import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from benchmarks.cells import field_of_cells
from benchmarks.flows import whole_image_flows
from hpa.core.errors import InputError
from hpa.core.flows import flow_errors, flows_of, label_map_from
from hpa.core.label_map import relabel
from hpa.core.matching import iou_matrix


@st.composite
def blobs(draw):
    """Ragged round cells that may touch: discs round jittered grid points, with wobbling outlines."""
    pitch, seed = draw(st.integers(12, 40)), draw(st.integers(0, 2**31))
    rng = np.random.default_rng(seed)
    rows, columns = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    y, x = np.indices((rows * pitch, columns * pitch), dtype=np.float64)
    for axis in (y, x):
        noise = ndimage.gaussian_filter(rng.standard_normal(axis.shape), 4)
        axis += noise / max(noise.std(), 1e-9)
    label_map = np.zeros(y.shape, np.int32)
    for number in range(rows * columns):
        centre = (np.divmod(number, columns) + rng.uniform(0.4, 0.6, 2)) * pitch
        inside = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < (rng.uniform(0.35, 0.5) * pitch) ** 2
        parts, count = ndimage.label(inside & (label_map == 0))
        if count:
            label_map[parts == np.bincount(parts.ravel())[1:].argmax() + 1] = number + 1
    return relabel(label_map)


def best_iou(predicted, true):
    return iou_matrix(predicted, true).max(axis=0)


@given(blobs())
@settings(max_examples=40, deadline=None)
def test_cells_come_back_from_their_flows(label_map):
    back = label_map_from(flows_of(label_map), label_map > 0)
    assert back.dtype == np.int32
    assert back.max() == label_map.max()
    assert best_iou(back, label_map).min() > 0.8


@given(blobs())
@settings(max_examples=20, deadline=None)
def test_flows_have_length_one_in_cells_and_none_outside(label_map):
    flows = flows_of(label_map)
    length = np.hypot(*flows)
    assert flows.dtype == np.float32
    assert not length[label_map == 0].any()
    moving = length > 0  # a centre stands still where all around it is even
    assert np.allclose(length[moving], 1, atol=1e-5)
    assert (label_map > 0).sum() - moving.sum() <= label_map.max()


@pytest.mark.parametrize(("side_px", "cells"), [(200, 40), (220, 5), (260, 1)])
def test_flows_point_where_those_of_the_whole_image_recurrence_point(side_px, cells):
    label_map = relabel(field_of_cells(side_px, cells, seed=side_px))
    cosine = (flows_of(label_map) * whole_image_flows(label_map)).sum(axis=0)[label_map > 0]
    assert cosine.mean() > 0.999
    assert np.percentile(cosine, 1) > 0.99


def test_flows_do_not_depend_on_the_numbers():
    label_map = relabel(field_of_cells(100, 9, seed=1))
    sparse = np.where(label_map > 0, label_map.astype(np.int64) * 70_000, 0)
    assert np.array_equal(flows_of(sparse), flows_of(label_map))


@pytest.mark.parametrize("shape", [(1, 1), (3, 4), (60, 4000)])
def test_an_empty_map_has_no_flows_and_comes_back_empty(shape):
    nothing = np.zeros(shape, np.int32)
    flows = flows_of(nothing)
    assert flows.shape == (2, *shape)
    assert not flows.any()
    assert not label_map_from(flows, nothing > 0).any()
    assert not label_map_from(flows, np.zeros(shape, np.float32)).any()


def test_one_giant_cell():
    y, x = np.indices((1000, 1000))
    disc = ((y - 500) ** 2 + (x - 480) ** 2 < 470**2).astype(np.int32)
    assert best_iou(label_map_from(flows_of(disc), disc > 0), disc).tolist() == [1]


@pytest.mark.slow
def test_five_thousand_tiny_cells():
    tiny = (np.arange(5000, dtype=np.int32) + 1).reshape(50, 100).repeat(5, axis=0).repeat(5, axis=1)
    assert best_iou(label_map_from(flows_of(tiny), tiny > 0), tiny).min() == 1


def test_a_strip_of_cells():
    strip = np.repeat(np.arange(1, 41, dtype=np.int32), 100)[None].repeat(60, axis=0)
    assert best_iou(label_map_from(flows_of(strip), strip > 0), strip).min() == 1


def test_a_part_that_the_heat_does_not_reach_has_no_flow():
    label_map = np.zeros((20, 40), np.int32)
    label_map[5:15, 5:20] = label_map[5:8, 30:33] = 1
    flows = flows_of(label_map)
    assert not flows[:, 5:8, 30:33].any()
    assert flows[:, 5:15, 5:9].any()


def test_cells_with_other_flows_than_their_own_are_dropped():
    label_map = np.zeros((40, 80), np.int32)
    label_map[10:30, 10:30], label_map[10:30, 50:70] = 1, 2
    flows = flows_of(label_map)
    flows[:, :, 40:] = flows[::-1, :, 40:] * np.float32(0.1)  # the right cell's flows transposed and weakened
    assert flow_errors(label_map, flows)[1] == pytest.approx(0, abs=1e-6)
    assert flow_errors(label_map, flows)[2] > 0.4
    kept = label_map_from(flows, label_map > 0)
    assert kept.max() == 1
    assert np.array_equal(kept[:, :40], label_map[:, :40])


def test_probabilities_and_areas_bound_what_is_a_cell():
    label_map = np.zeros((30, 60), np.int32)
    label_map[5:25, 5:25], label_map[10:14, 40:44] = 1, 2
    flows, probability = flows_of(label_map), np.where(label_map > 0, 0.6, 0.1).astype(np.float32)
    assert label_map_from(flows, probability).max() == 2
    assert label_map_from(flows, probability, min_area_px=17).max() == 1
    assert label_map_from(flows, probability, min_probability=0.7).max() == 0


def test_flows_that_cannot_be_used_are_refused():
    mask = np.ones((4, 5), bool)
    with pytest.raises(InputError, match="one size"):
        label_map_from(np.zeros((2, 4, 4), np.float32), mask)
    with pytest.raises(InputError, match="NaN"):
        label_map_from(np.full((2, 4, 5), np.nan, np.float32), mask)
    with pytest.raises(InputError, match="goes down to -1"):
        flows_of(np.full((3, 3), -1))
