import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from skimage.morphology import closing, disk
from skimage.segmentation import find_boundaries, watershed

from hpa.segmenters.hpa_cell.regions import (
    CROSS,
    SQUARE,
    closed,
    components_of,
    flooded,
    holes_filled,
    inner_of,
    large_of,
    split_by_lines,
    without_small,
)

SHAPES = st.tuples(st.integers(1, 24), st.integers(1, 24))
MASKS = arrays(bool, SHAPES)
LABEL_MAPS = arrays(np.int32, SHAPES, elements=st.integers(0, 3))


@given(shape=st.tuples(st.integers(1, 16), st.integers(1, 16)), seed=st.integers(0, 999))
def test_a_flood_of_what_two_markers_reach_is_the_flood_of_all(shape: tuple[int, int], seed: int) -> None:
    random = np.random.default_rng(seed)
    height = random.permutation(256)[: shape[0] * shape[1]].reshape(shape).astype(np.uint8)  # no two alike: no ties
    mask = ndimage.gaussian_filter(random.random(shape), 1) > 0.4
    markers = np.zeros(shape, np.int32)
    ndimage.label(ndimage.gaussian_filter(random.random(shape), 1.5) > 0.55, output=markers)
    expected = watershed(-height.astype(float), markers, mask=mask)
    np.testing.assert_array_equal(flooded(height, markers, mask), expected)
    lines = watershed(np.zeros(shape), markers, mask=mask, watershed_line=True)
    np.testing.assert_array_equal(split_by_lines(markers, mask), lines)


@given(label_map=LABEL_MAPS)
def test_inner_of_leaves_what_no_boundary_touches(label_map: np.ndarray) -> None:
    expected = (label_map > 0) & ~find_boundaries(label_map, connectivity=1, mode="thick")
    np.testing.assert_array_equal(inner_of(label_map), expected)


@given(label_map=LABEL_MAPS, radius=st.integers(0, 6))
def test_closed_is_a_grey_closing_with_a_disc(label_map: np.ndarray, radius: int) -> None:
    np.testing.assert_array_equal(closed(label_map, radius), closing(label_map, disk(radius)))


@given(mask=MASKS, min_px=st.integers(0, 9))
def test_pieces_and_holes_below_a_size_go(mask: np.ndarray, min_px: int) -> None:
    pieces = without_small(components_of(mask, CROSS), min_px)
    sizes = [int((pieces == number).sum()) for number in np.unique(pieces[pieces > 0])]
    assert all(size >= min_px for size in sizes)
    for connectivity in (CROSS, SQUARE):
        kept = without_small(components_of(mask, connectivity), min_px) > 0
        np.testing.assert_array_equal(large_of(mask, connectivity, min_px), kept)
    np.testing.assert_array_equal(holes_filled(mask), ndimage.binary_fill_holes(mask))
    filled = holes_filled(mask, min_px)
    assert (filled | ~mask).all()
    holes, count = ndimage.label(~mask)
    expected = mask.copy()
    for hole in range(1, count + 1):
        if (holes == hole).sum() < min_px:
            expected[holes == hole] = True
    np.testing.assert_array_equal(filled, expected)


def test_split_by_lines_leaves_a_line() -> None:
    markers = np.zeros((5, 9), np.int32)
    markers[2, 1], markers[2, 7] = 1, 2
    found = split_by_lines(markers, np.ones((5, 9), bool))
    assert not found[:, 4].any()
    assert (found[:, :4] == 1).all()
    assert (found[:, 5:] == 2).all()
