import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpa.core.errors import InputError
from hpa.models.target.foreground import ForegroundTarget
from hpa.pixels.elastic_tiles import ElasticTiles
from hpa.pixels.store import StoredPlanes
from hpa.pixels.tiles import TileAugmentation
from tests.discs import discs

STILL = {"any_angle": False, "mirror": False, "min_scale": 1.0, "max_scale": 1.0, "transforms": []}
TARGET = ForegroundTarget(0.5, 1)


def stored(side_px=96) -> StoredPlanes:
    """Bright discs whose picture is their mask."""
    _, label_map = discs(side_px, 12, 0)
    mask = (label_map > 0)[None]
    classes = np.arange(label_map.max(), dtype=np.int64)
    return StoredPlanes(mask.astype(np.float16), label_map, classes, mask.astype(np.float16))


def elastic(displacement_px=4.0, smoothness_px=10.0, probability=1.0):
    return ElasticTiles(displacement_px, smoothness_px, probability, **STILL)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=25)
def test_picture_target_and_label_map_are_moved_alike(seed):
    tile = elastic()(stored(), 64, TARGET, seed)
    assert np.array_equal(tile.planes, tile.targets)
    assert ((tile.targets[0] > 0.5) == (tile.label_map > 0)).mean() > 0.97  # they differ by rounding at borders
    assert set(np.unique(tile.label_map)) - {0} == set(range(1, len(tile.classes) + 1))


def test_displacements_are_about_as_large_as_requested():
    row_numbers = np.tile(np.arange(96, dtype=np.float32)[:, None] / 128, (1, 96))[None].astype(np.float16)
    image = StoredPlanes(row_numbers, np.zeros((96, 96), np.int32), np.zeros(0, np.int64), row_numbers)
    still, moving = TileAugmentation(**STILL), elastic(3.0, 8.0)
    moved = [moving(image, 96, TARGET, seed).planes - still(image, 96, TARGET, seed).planes for seed in range(12)]
    inner = np.stack(moved)[:, 0, 16:-16, 16:-16] * 128  # the edge mirrors
    assert inner.std() == pytest.approx(3.0, rel=0.15)
    assert np.abs(np.diff(inner, axis=2)).mean() < 0.5  # neighbours move together


def test_without_displacement_or_chance_a_tile_is_the_plain_one():
    plain = TileAugmentation(**STILL)(stored(), 64, TARGET, 5)
    for tiles in (elastic(displacement_px=0.0), elastic(probability=0.0)):
        tile = tiles(stored(), 64, TARGET, 5)
        assert np.array_equal(tile.planes, plain.planes)
        assert np.array_equal(tile.label_map, plain.label_map)


def test_a_seed_gives_the_same_and_another_gives_another():
    tiles = [elastic()(stored(), 64, TARGET, seed).planes for seed in (1, 1, 2)]
    assert np.array_equal(tiles[0], tiles[1])
    assert not np.array_equal(tiles[0], tiles[2])


@pytest.mark.parametrize("numbers", [(-1.0, 8.0, 0.5), (1.0, 0.0, 0.5), (1.0, 8.0, 1.5)])
def test_numbers_out_of_range_are_refused(numbers):
    with pytest.raises(InputError, match="displacement_px"):
        elastic(*numbers)
