import numpy as np

from benchmarks.targets import perfect_logits, target_of
from hpa.interfaces import Instances
from hpa.models.target.distance import DistanceTarget

TARGET = target_of("distance")
WITHOUT_BLUR = DistanceTarget(min_inside=0.5, smoothing_px=0.0, seed_depth=0.4, min_area_px=10)


def two_discs():
    rows, columns = np.indices((40, 70))
    label_map = np.zeros((40, 70), np.int32)
    for number, x in enumerate((20, 48), start=1):
        label_map[((rows - 20) ** 2 + (columns - x) ** 2 <= 15**2) & (label_map == 0)] = number
    return label_map


def planes_of(label_map):
    return TARGET.planes(Instances(label_map, np.zeros(int(label_map.max(initial=0)), np.int64)))


def test_planes_are_the_mask_and_the_depth():
    label_map = two_discs()
    inside, depth = planes_of(label_map)
    np.testing.assert_array_equal(inside, label_map > 0)
    assert depth[20, 20] == depth.max() == 1
    assert not depth[label_map == 0].any()
    assert depth[20, 34] < 0.2  # between the discs, though inside their union


def test_the_blur_mends_a_noisy_depth():
    logits = perfect_logits(TARGET, planes_of(two_discs()))
    logits[1] += 0.3 * np.random.default_rng(0).standard_normal(logits[1].shape)
    assert TARGET.read(logits).label_map.max() == 2
    assert WITHOUT_BLUR.read(logits).label_map.max() > 2


def test_the_deepest_share_decides_what_is_parted():
    rows, columns = np.indices((50, 90))
    waisted = np.zeros((50, 90), np.int32)
    for x in (25, 55):
        waisted[(rows - 25) ** 2 + (columns - x) ** 2 <= 20**2] = 1
    logits = perfect_logits(TARGET, planes_of(waisted))
    parted = [DistanceTarget(0.5, 0.0, share, 10).read(logits).label_map.max() for share in (0.2, 0.5, 0.9)]
    assert parted == [1, 1, 2]


def test_a_mask_without_any_depth_is_nothing():
    logits = np.full((2, 20, 20), -8, np.float32)
    logits[0, 5:15, 5:15] = 8
    assert TARGET.read(logits).label_map.max() == 0
