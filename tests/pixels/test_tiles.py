import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpa.core.dihedral import SYMMETRIES, apply
from hpa.core.errors import InputError
from hpa.core.flows import flows_of
from hpa.core.planes import PlaneSpec
from hpa.interfaces import Instances
from hpa.pixels.store import StoredPlanes
from hpa.pixels.tiles import Tile, TileAugmentation, TileSpec
from tests.discs import discs


class PlainTarget:
    """Planes without directions: the mask, and the number of each instance."""

    plane_count = 2

    def planes(self, instances: Instances) -> np.ndarray:
        return np.stack([instances.label_map > 0, instances.label_map]).astype(np.float32)

    def rotate_vectors(self, planes, linear):
        return planes

    def read(self, logits):
        raise NotImplementedError


class FlowPlanes(PlainTarget):
    """Directions to the centre, turned with the tile."""

    def planes(self, instances):
        return flows_of(np.asarray(instances.label_map, np.int32))

    def rotate_vectors(self, planes, linear):
        unit = linear / np.sqrt(abs(np.linalg.det(linear)))
        return np.einsum("ij,jhw->ihw", unit, planes).astype(np.float32)


def stored(target, side_px: int = 96, seed: int = 0) -> StoredPlanes:
    picture, label_map = discs(side_px, 12, seed)
    classes = np.arange(label_map.max(), dtype=np.int64)
    targets = target.planes(Instances(label_map, classes)).astype(np.float16)
    return StoredPlanes((picture[None] / 255).astype(np.float16), label_map, classes, targets)


def cut(target, image, side_px=64, seed=0, **changes) -> Tile:
    settings_ = {"any_angle": True, "mirror": True, "min_scale": 0.8, "max_scale": 1.25, "transforms": []}
    return TileAugmentation(**(settings_ | changes))(image, side_px, target, seed)


@given(seed=st.integers(0, 10_000), any_angle=st.booleans())
@settings(max_examples=30)
def test_all_targets_of_a_tile_are_moved_alike(seed, any_angle):
    target = PlainTarget()
    image = stored(target)
    tile = cut(target, image, seed=seed, any_angle=any_angle, min_scale=1.0, max_scale=1.0)
    assert tile.planes.shape == (1, 64, 64)
    assert sorted(np.unique(tile.label_map)) == list(range(len(tile.classes) + 1))
    inside = tile.label_map > 0
    assert ((tile.targets[0] > 0.5) != inside).mean() < 0.04  # nearest against linear differ at rims only
    bright = tile.planes[0] > 0.25
    assert (bright != inside).mean() < 0.06
    for number, kind in enumerate(tile.classes, start=1):  # classes stay with their instances
        core = (tile.label_map == number) & (tile.targets[0] > 0.99)
        if core.any():
            assert np.median(tile.targets[1][core]) == pytest.approx(kind + 1, abs=0.1)


def test_rotations_by_90_degrees_copy_pixels_exactly():
    target = PlainTarget()
    image = stored(target)
    tile = cut(target, image, 96, any_angle=False, min_scale=1.0, max_scale=1.0)
    turned = [apply(np.asarray(image.label_map), name) for name in SYMMETRIES]
    assert any(np.array_equal(tile.label_map > 0, other > 0) for other in turned)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=10)
def test_directions_rotate_with_the_tile(seed):
    target = FlowPlanes()
    tile = cut(target, stored(target), seed=seed)
    expected = flows_of(tile.label_map)
    whole = tile.label_map.copy()  # instances that the tile cuts have another centre there
    edge = np.unique(np.concatenate([whole[0], whole[-1], whole[:, 0], whole[:, -1]]))
    core = (tile.label_map > 0) & ~np.isin(tile.label_map, edge) & (np.hypot(*tile.targets) > 0.9)
    if core.sum() > 50:
        cosine = (tile.targets * expected).sum(axis=0) / np.maximum(np.hypot(*tile.targets), 1e-6)
        assert np.mean(cosine[core]) > 0.9


def test_the_same_seed_gives_the_same_tile_and_another_seed_another():
    target = PlainTarget()
    image = stored(target)
    np.testing.assert_array_equal(cut(target, image, seed=3).planes, cut(target, image, seed=3).planes)
    assert not np.array_equal(cut(target, image, seed=3).planes, cut(target, image, seed=4).planes)


def test_an_image_smaller_than_a_tile_is_whole_on_black():
    target = PlainTarget()
    image = stored(target, side_px=40)
    tile = cut(target, image, 64, any_angle=False, min_scale=1.0, max_scale=1.0)
    assert (tile.label_map > 0).sum() == (np.asarray(image.label_map) > 0).sum()
    assert (tile.planes == 0).mean() > 0.5


def test_settings_out_of_range_are_refused():
    with pytest.raises(InputError, match="min_scale"):
        TileAugmentation(True, True, 2.0, 1.0, [])
    with pytest.raises(InputError, match="side_px"):
        TileSpec(4, 1, PlaneSpec(None, True, 1.0, 99.0))


def test_the_number_of_tiles_grows_with_the_image():
    spec = TileSpec(64, 4, PlaneSpec(None, True, 1.0, 99.0))
    assert [spec.count_of(64, 64), spec.count_of(64, 130), spec.count_of(640, 640)] == [1, 2, 4]
