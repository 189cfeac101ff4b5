import numpy as np
import pytest

from benchmarks.targets import perfect_logits, target_of
from hpa.interfaces import Instances
from hpa.models.target.borders import BorderTarget

TARGET = target_of("borders")


def planes_of(label_map, target=TARGET):
    return target.planes(Instances(label_map, np.zeros(int(label_map.max(initial=0)), np.int64)))


def near_two_slowly(label_map, reach_px):
    """Look at every pixel within reach of every pixel."""
    reach = range(-reach_px, reach_px + 1)
    offsets = [(dy, dx) for dy in reach for dx in reach if np.hypot(dy, dx) <= reach_px]
    height, width = label_map.shape
    near = np.zeros(label_map.shape, bool)
    for y in range(height):
        for x in range(width):
            seen = {label_map[y + dy, x + dx] for dy, dx in offsets if 0 <= y + dy < height and 0 <= x + dx < width}
            near[y, x] = len(seen - {0}) > 1
    return near


@pytest.mark.parametrize("reach_px", [1, 2, 3])
def test_a_border_is_where_two_instances_are_near(reach_px):
    label_map = np.kron(np.random.default_rng(0).integers(0, 5, (6, 6)), np.ones((2, 2), int)).astype(np.int32)
    everywhere = BorderTarget(reach_px, core_share=1.0, min_inside=0.5, min_seed=0.5, min_area_px=1)
    np.testing.assert_array_equal(planes_of(label_map, everywhere)[1] > 0, near_two_slowly(label_map, reach_px))


def test_a_gap_within_reach_is_border_and_a_wide_one_is_none():
    row = np.zeros(40, np.int32)
    row[2:12], row[13:23], row[30:40] = 1, 2, 3
    border = planes_of(np.tile(row, (12, 1)))[1]
    assert border[:, 12].all()
    assert not border[:, 24:].any()


def test_the_middle_of_an_instance_is_no_border_however_small_it_is():
    label_map = np.arange(1, 26, dtype=np.int32).reshape(5, 5).repeat(3, axis=0).repeat(3, axis=1)
    border = planes_of(label_map)[1]
    assert not border[1::3, 1::3].any()
    assert border[3:12, 3:12].sum() == 8 * 9


def test_a_network_without_a_border_joins_and_with_one_parts():
    label_map = np.repeat([[1, 2]], 20, axis=1).repeat(40, axis=0).astype(np.int32)
    logits = perfect_logits(TARGET, planes_of(label_map))
    assert TARGET.read(logits).label_map.max() == 2
    logits[1] = -8
    assert TARGET.read(logits).label_map.max() == 1


def test_scores_are_the_mean_probability_inside():
    logits = np.full((2, 20, 40), -8, np.float32)
    logits[0, 4:16, 4:20], logits[0, 4:16, 12:20] = np.log(3), np.log(9)  # probabilities 3/4 and 9/10
    found = TARGET.read(logits)
    assert found.scores == pytest.approx([(0.75 + 0.9) / 2], abs=1e-5)
