import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpa.core.errors import InputError
from hpa.core.tiles import blend_weights, predict_tiled, thriftiest_side, tile_corners

LENGTHS = st.integers(1, 40)


@st.composite
def tilings(draw):
    side = draw(st.integers(1, 17))
    return draw(LENGTHS), draw(LENGTHS), side, draw(st.integers(0, side - 1))


def identity(tiles):
    return tiles.astype(np.float32)


@given(tilings())
def test_tiles_cover_the_image_and_neighbours_overlap_enough(tiling):
    height, width, side, overlap = tiling
    corners = tile_corners(*tiling)
    covered = np.zeros((max(height, side), max(width, side)), int)
    for y, x in corners:
        assert 0 <= y <= max(height - side, 0)
        assert 0 <= x <= max(width - side, 0)
        covered[y : y + side, x : x + side] += 1
    assert covered.min() >= 1
    for starts in (sorted({y for y, _ in corners}), sorted({x for _, x in corners})):
        steps = np.diff(starts)
        assert all(steps <= side - overlap)
        assert all(steps > 0)
    assert corners == sorted(set(corners))


@given(st.integers(200, 3000), st.integers(200, 3000))
def test_tiles_of_the_thriftiest_side_predict_no_more_pixels_than_others(height, width):
    def pixels(side):
        return len(tile_corners(height, width, side, 64)) * side**2

    chosen = thriftiest_side(height, width, 1024, 64)
    assert 512 <= chosen <= 1024
    assert pixels(chosen) <= min(pixels(512), pixels(768), pixels(1024))


@given(tilings())
def test_no_tile_could_be_spared(tiling):
    height, _, side, overlap = tiling
    rows = {y for y, _ in tile_corners(*tiling)}
    reach_of_one_less = side + (len(rows) - 2) * (side - overlap)
    assert len(rows) == 1 or reach_of_one_less < height


@given(tilings(), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_the_identity_network_gives_the_image_back(tiling, batch_tiles, seed):
    height, width, side, overlap = tiling
    image = np.random.default_rng(seed).normal(0, 100, (2, height, width)).astype(np.float32)
    blended = predict_tiled(image, side, overlap, batch_tiles, identity)
    np.testing.assert_allclose(blended, image, rtol=1e-5, atol=1e-4)


@given(tilings(), st.floats(-1e6, 1e6, width=32))
def test_a_constant_prediction_blends_to_the_constant(tiling, value):
    height, width, side, overlap = tiling

    def constant(tiles):
        return np.full((len(tiles), 3, side, side), value, np.float32)

    blended = predict_tiled(np.zeros((1, height, width), np.uint8), side, overlap, 4, constant)
    assert blended.shape == (3, height, width)
    np.testing.assert_allclose(blended, value, rtol=1e-5, atol=1e-30)


@pytest.mark.slow
@given(tilings(), st.integers(0, 2**32 - 1))
def test_the_blend_is_the_weighted_mean_of_all_tiles_at_a_pixel(tiling, seed):
    """Against a slow sum in float64, of predictions that differ from tile to tile."""
    height, width, side, overlap = tiling
    corners = tile_corners(*tiling)
    maps = np.random.default_rng(seed).random((len(corners), 1, side, side), np.float32)
    handed_out = iter(maps)
    blended = predict_tiled(
        np.zeros((1, height, width), np.float32), side, overlap, 1, lambda tiles: next(handed_out)[: len(tiles)][None]
    )
    sums = np.zeros((max(height, side), max(width, side), 2))
    for (y, x), tile in zip(corners, maps, strict=True):
        for row in range(side):
            for column in range(side):
                weight = float(blend_weights(side)[row, column])
                sums[y + row, x + column] += weight * tile[0, row, column], weight
    expected = (sums[..., 0] / sums[..., 1])[:height, :width]
    np.testing.assert_allclose(blended[0], expected, rtol=1e-4)


def test_a_network_that_errs_at_its_border_is_mended_by_the_overlap():
    def poor_at_the_border(tiles):
        maps = np.zeros(tiles.shape, np.float32)
        maps[..., [0, -1], :] = maps[..., [0, -1]] = 1
        return maps

    image = np.zeros((1, 192, 192), np.uint8)
    assert predict_tiled(image, 64, 32, 4, poor_at_the_border)[0, 32:-32, 32:-32].max() < 0.1
    assert predict_tiled(image, 64, 0, 4, poor_at_the_border)[0, 32:-32, 32:-32].max() > 0.4


def test_a_small_image_is_continued_by_reflection():
    seen = []

    def note(tiles):
        seen.append(tiles)
        return identity(tiles)

    predict_tiled(np.arange(3, dtype=np.uint8).reshape(1, 1, 3), 5, 0, 1, note)
    assert seen[0].dtype == np.uint8
    assert seen[0][0, 0].tolist() == [[0, 1, 2, 1, 0]] * 5


@pytest.mark.parametrize(("batch_tiles", "batches"), [(1, 9), (4, 3), (100, 1)])
def test_no_more_tiles_are_held_than_requested(batch_tiles, batches):
    sizes = []

    def note(tiles):
        sizes.append(len(tiles))
        return identity(tiles)

    predict_tiled(np.zeros((1, 12, 12), np.float32), 4, 0, batch_tiles, note)
    assert len(sizes) == batches
    assert max(sizes) == min(batch_tiles, 9)
    assert sum(sizes) == 9


@given(st.integers(1, 64))
def test_weights_are_symmetric_positive_and_highest_at_the_middle(side):
    weights = blend_weights(side)
    assert weights.min() > 0
    np.testing.assert_array_equal(weights, weights.T)
    np.testing.assert_allclose(weights, weights[::-1, ::-1], rtol=1e-5)
    assert weights[side // 2, side // 2] == weights.max()


@pytest.mark.parametrize(("side", "overlap"), [(0, 0), (4, 4), (4, -1)])
def test_lengths_that_make_no_sense_are_refused(side, overlap):
    with pytest.raises(InputError, match="less than a tile's side"):
        tile_corners(10, 10, side, overlap)


def test_no_tile_at_a_time_is_refused():
    with pytest.raises(InputError, match="batch_tiles=0"):
        predict_tiled(np.zeros((1, 4, 4), np.float32), 4, 0, 0, identity)
