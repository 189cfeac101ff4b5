from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from scipy.ndimage import distance_transform_edt
from skimage.segmentation import watershed

from hpa.core.errors import InputError
from hpa.core.label_map import relabel
from hpa.models.target.planes import flood, probability_planes, relative_depth, scored_instances
from tests.discs import discs


def beside_another(label_map):
    """Pixels with a neighbour of another number, found by shifted copies."""
    padded = np.pad(label_map, 1, mode="edge")
    shifts = [padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]]
    return np.any([shifted != label_map for shifted in shifts], axis=0)


def depth_by_scipy(label_map):
    """One instance at a time, by another transform."""
    rim = beside_another(label_map)
    depth = np.zeros(label_map.shape)
    distance = distance_transform_edt(~rim) + 0.5
    for number in range(1, int(label_map.max()) + 1):
        here = label_map == number
        depth[here] = distance[here] / distance[here].max()
    return depth


@given(seed=st.integers(0, 300))
def test_it_is_the_distance_to_the_edge_over_the_largest(seed):
    label_map = relabel(discs(48, 6, seed)[1])
    np.testing.assert_allclose(relative_depth(label_map), depth_by_scipy(label_map), atol=1e-3)


def test_every_instance_is_deep_somewhere_and_the_background_nowhere():
    label_map = relabel(discs(64, 8, 3)[1])
    depth = relative_depth(label_map)
    assert not depth[label_map == 0].any()
    assert [depth[label_map == n].max() for n in range(1, int(label_map.max()) + 1)] == [1.0] * int(label_map.max())
    assert (depth[label_map > 0] > 0).all()


def test_touching_instances_have_an_edge_between_them():
    depth = relative_depth(np.repeat([[1, 2]], 9, axis=1).repeat(30, axis=0).astype(np.int32))
    assert (depth[:, 8] < 0.1).all()
    assert (depth[:, 9] < 0.1).all()


def test_an_instance_cut_by_the_image_is_deepest_at_the_cut():
    depth = relative_depth(np.pad(np.ones((20, 10), np.int32), ((0, 0), (0, 10))))
    assert depth[0].argmax() == 0
    assert np.all(np.diff(depth[0, :10]) < 0)


def test_gaps_in_the_numbers_do_not_matter():
    label_map = np.zeros((12, 30), np.int32)
    label_map[2:9, 2:9], label_map[2:9, 15:25] = 7, 90_000
    np.testing.assert_array_equal(relative_depth(label_map), relative_depth(relabel(label_map)))


def test_an_image_without_any_edge_is_equally_deep():
    for shape in ((1, 1), (3, 200), (64, 64)):
        np.testing.assert_array_equal(relative_depth(np.ones(shape, np.int32)), np.ones(shape, np.float32))
        assert not relative_depth(np.zeros(shape, np.int32)).any()


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
    regions = flood(seeds, relief, mask)
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
    regions = flood(seeds, relief, mask)
    for number in np.unique(regions[regions > 0]):
        parts, count = ndimage.label(regions == number, CROSS)
        assert all((seeds[parts == part] == number).any() for part in range(1, count + 1))


@given(seed=st.integers(0, 5000))
def test_it_agrees_with_a_watershed_of_the_whole_image(seed):
    """Only ties on ridges may go another way, as the seeds' middles do not queue there."""
    seeds, relief, mask = drawn(seed)
    whole = watershed(relief, seeds, mask=mask)
    assert (flood(seeds, relief, mask) != whole).mean() < 0.05


def test_seeds_meet_on_the_ridge():
    relief = -np.abs(np.arange(41) - 12.0)[None].repeat(9, axis=0).astype(np.float32)
    seeds = np.zeros(relief.shape, np.int32)
    seeds[4, 1], seeds[4, 39] = 1, 2
    regions = flood(seeds, relief, np.ones(relief.shape, bool))
    assert (regions[:, :12] == 1).all()
    assert (regions[:, 13:] == 2).all()


def test_a_seed_in_several_pieces_stays_one():
    mask = np.zeros((5, 20), bool)
    mask[1:4, 1:8], mask[1:4, 12:19] = True, True
    seeds = np.zeros(mask.shape, np.int32)
    seeds[2, 3], seeds[2, 14] = 5, 5
    np.testing.assert_array_equal(flood(seeds, np.zeros(mask.shape, np.float32), mask), 5 * mask)


def test_an_empty_mask_or_no_seed_gives_nothing():
    nothing, relief = np.zeros((4, 6), np.int32), np.zeros((4, 6), np.float32)
    assert not flood(nothing, relief, np.zeros((4, 6), bool)).any()
    assert not flood(nothing, relief, np.ones((4, 6), bool)).any()


@given(arrays(np.float32, (2, 3, 4), elements=st.floats(-200, 200, width=32)))
def test_they_are_sigmoids(logits):
    probabilities = probability_planes(logits, 2)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities, torch.from_numpy(logits).sigmoid().numpy(), atol=1e-6)


def test_endless_logits_are_certain():
    assert probability_planes(np.array([[[np.inf, -np.inf]]]), 1).tolist() == [[[1.0, 0.0]]]


@pytest.mark.parametrize("given_count", [0, 1, 3])
def test_another_number_of_planes_is_refused(given_count):
    with pytest.raises(InputError, match=f"2 planes, the network gave {given_count}"):
        probability_planes(np.zeros((given_count, 4, 4), np.float32), 2)


def test_not_a_number_is_refused():
    with pytest.raises(InputError, match="NaN"):
        probability_planes(np.full((1, 2, 2), np.nan, np.float32), 1)


REGIONS = arrays(np.int32, (7, 9), elements=st.integers(0, 12))


@given(REGIONS, st.integers(1, 8), st.integers(0, 1000))
def test_scores_and_areas_are_those_of_the_regions_that_stay(regions, min_area_px, seed):
    inside = np.random.default_rng(seed).random(regions.shape).astype(np.float32)
    found = scored_instances(regions, inside, min_area_px)
    kept = [number for number in range(1, 13) if (regions == number).sum() >= min_area_px]
    assert len(found.scores) == len(found.classes) == len(kept)
    for position, number in enumerate(kept, start=1):
        np.testing.assert_array_equal(found.label_map == position, regions == number)
        np.testing.assert_allclose(found.scores[position - 1], inside[regions == number].mean(), rtol=1e-5)


def test_more_numbers_than_a_byte_and_than_two_bytes_hold():
    regions = np.arange(1, 70_001, dtype=np.int32).reshape(280, 250)
    found = scored_instances(regions, np.full(regions.shape, 0.75, np.float32), 1)
    assert found.label_map.max() == len(found.scores) == 70_000
    assert (found.scores == 0.75).all()


def test_nothing_gives_nothing():
    found = scored_instances(np.zeros((1, 1), np.int32), np.zeros((1, 1), np.float32), 1)
    assert not found.label_map.any()
    assert found.scores.shape == found.classes.shape == (0,)
    assert found.scores.dtype == np.float32
