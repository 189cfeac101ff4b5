import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from skimage.segmentation import watershed

from hpa.models.target.flood import flooded

CROSS = ndimage.generate_binary_structure(2, 1)


def drawn(seed, shape=(24, 31), seed_count=6):
    """A mask in several pieces, a smooth relief, and seeds inside the mask, small and large."""
    draw = np.random.default_rng(seed)
    mask = ndimage.gaussian_filter(draw.standard_normal(shape), 2) > -0.05
    relief = ndimage.gaussian_filter(draw.standard_normal(shape), 1.5).astype(np.float32)
    seeds = np.zeros(shape, np.int32)
    for number in range(1, seed_count + 1):
        y, x = draw.integers(0, shape[0]), draw.integers(0, shape[1])
        size = draw.integers(1, 5)
        seeds[y : y + size, x : x + size] = number
    return seeds * mask, relief, mask


@given(seed=st.integers(0, 5000))
def test_pieces_with_a_seed_are_filled_and_others_are_left_out(seed):
    seeds, relief, mask = drawn(seed)
    regions = flooded(seeds, relief, mask)
    assert regions.dtype == np.int32
    assert not regions[~mask].any()
    np.testing.assert_array_equal(regions[seeds > 0], seeds[seeds > 0])
    pieces, count = ndimage.label(mask, CROSS)
    for piece in range(1, count + 1):
        here = pieces == piece
        assert set(np.unique(regions[here])) == (set(np.unique(seeds[here])) - {0} or {0})


@given(seed=st.integers(0, 5000))
def test_regions_grow_from_their_seeds(seed):
    seeds, relief, mask = drawn(seed)
    regions = flooded(seeds, relief, mask)
    for number in np.unique(regions[regions > 0]):
        parts, count = ndimage.label(regions == number, CROSS)
        assert all((seeds[parts == part] == number).any() for part in range(1, count + 1))


@given(seed=st.integers(0, 5000))
def test_it_agrees_with_a_watershed_of_the_whole_image(seed):
    """Only ties on ridges may go another way, as the seeds' middles do not queue there."""
    seeds, relief, mask = drawn(seed)
    whole = watershed(relief, seeds, mask=mask)
    assert (flooded(seeds, relief, mask) != whole).mean() < 0.05


def test_seeds_meet_on_the_ridge():
    relief = -np.abs(np.arange(41) - 12.0)[None].repeat(9, axis=0).astype(np.float32)
    seeds = np.zeros(relief.shape, np.int32)
    seeds[4, 1], seeds[4, 39] = 1, 2
    regions = flooded(seeds, relief, np.ones(relief.shape, bool))
    assert (regions[:, :12] == 1).all()
    assert (regions[:, 13:] == 2).all()


def test_a_seed_in_several_pieces_stays_one():
    mask = np.zeros((5, 20), bool)
    mask[1:4, 1:8], mask[1:4, 12:19] = True, True
    seeds = np.zeros(mask.shape, np.int32)
    seeds[2, 3], seeds[2, 14] = 5, 5
    np.testing.assert_array_equal(flooded(seeds, np.zeros(mask.shape, np.float32), mask), 5 * mask)


def test_an_empty_mask_or_no_seed_gives_nothing():
    nothing, relief = np.zeros((4, 6), np.int32), np.zeros((4, 6), np.float32)
    assert not flooded(nothing, relief, np.zeros((4, 6), bool)).any()
    assert not flooded(nothing, relief, np.ones((4, 6), bool)).any()
