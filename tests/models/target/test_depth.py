import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt

from hpa.core.label_map import relabel
from hpa.models.target.depth import relative_depth
from tests.discs import discs


def beside_another(label_map):
    """Pixels with a neighbour of another number, told by looking at shifted copies."""
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
