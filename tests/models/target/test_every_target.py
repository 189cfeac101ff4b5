"""What holds for every target: instances are recovered from the output of a perfect network."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.targets import CONFIGS, bound_of, perfect_logits, target_of
from hpa.core.dihedral import SYMMETRIES, apply
from hpa.core.errors import InputError
from hpa.core.label_map import relabel
from hpa.core.matching import iou_matrix
from hpa.formats.label_maps import read_label_map
from hpa.interfaces import Instances, PixelTarget
from hpa.metrics.segmentation import count_image, score_images
from tests.discs import discs
from tests.roles import assert_fills

EVERY = sorted(path.stem for path in CONFIGS.glob("*.yaml"))
PARTING = [name for name in EVERY if name != "foreground"]
"""Those that part what touches."""


def instances_of(label_map):
    return Instances(label_map, np.zeros(int(label_map.max(initial=0)), np.int64))


def given_back(name, label_map):
    target = target_of(name)
    return target.read(perfect_logits(target, target.planes(instances_of(label_map))))


def grid_of_squares(rows, columns, side_px, gap_px):
    numbers = np.arange(1, rows * columns + 1, dtype=np.int32).reshape(rows, columns)
    square = np.pad(np.ones((side_px, side_px), np.int32), ((0, gap_px), (0, gap_px)))
    return np.kron(numbers, square)


def grid_of_discs(radius_px, gap_px, count=4):
    """Discs on a grid; without a gap they touch, below 0 each is cut by the next."""
    pitch_px = 2 * radius_px + 1 + gap_px
    side_px = (count + 1) * pitch_px
    rows, columns = np.indices((side_px, side_px))
    label_map = np.zeros((side_px, side_px), np.int32)
    for number in range(count**2):
        y, x = (np.array(divmod(number, count)) + 1) * pitch_px
        label_map[(rows - y) ** 2 + (columns - x) ** 2 <= radius_px**2] = number + 1
    return label_map


@pytest.mark.parametrize("name", EVERY)
def test_it_plays_the_role(name):
    assert_fills(target_of(name), PixelTarget)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize(("radius_px", "gap_px"), [(3, 2), (6, 3), (20, 5)])
def test_separate_discs_come_back(name, radius_px, gap_px):
    label_map = grid_of_discs(radius_px, gap_px)
    counts = count_image(given_back(name, label_map).label_map, label_map)
    assert [at.average_precision for at in counts.at] == [1.0] * 10


@pytest.mark.parametrize("name", PARTING)
@pytest.mark.parametrize(("radius_px", "gap_px"), [(6, 0), (15, -2), (30, -4)])
def test_touching_discs_come_back(name, radius_px, gap_px):
    label_map = grid_of_discs(radius_px, gap_px)
    counts = count_image(given_back(name, label_map).label_map, label_map)
    assert counts.at[8].average_precision == 1.0


@pytest.mark.parametrize("name", EVERY)
@given(seed=st.integers(0, 200))
@settings(max_examples=20)
def test_the_mask_is_never_larger_and_numbers_have_no_gaps(name, seed):
    label_map = relabel(discs(48, 6, seed)[1])
    found = given_back(name, label_map)
    assert not found.label_map[label_map == 0].any()
    count = int(found.label_map.max(initial=0))
    assert found.label_map.dtype == np.int32
    assert set(np.unique(found.label_map)) <= set(range(count + 1))
    assert found.classes.tolist() == [0] * count
    assert found.scores.shape == (count,)
    assert (found.scores > 0.99).all()


@pytest.mark.parametrize("name", EVERY)
def test_five_thousand_tiny_squares(name):
    label_map = grid_of_squares(50, 100, side_px=4, gap_px=2)
    found = given_back(name, label_map).label_map
    assert found.max() == 5000
    assert iou_matrix(found, label_map).max(axis=0).min() == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", PARTING)
def test_five_thousand_tiny_squares_that_touch(name):
    label_map = grid_of_squares(50, 100, side_px=5, gap_px=0)
    found = given_back(name, label_map).label_map
    assert found.max() == 5000
    assert iou_matrix(found, label_map).max(axis=0).min() >= 0.5


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (30, 50)])
def test_nothing_is_nothing_and_all_is_one(name, shape):
    nothing = given_back(name, np.zeros(shape, np.int32))
    assert not nothing.label_map.any()
    assert nothing.scores.shape == nothing.classes.shape == (0,)
    everything = given_back(name, np.ones(shape, np.int32))
    assert everything.label_map.shape == shape
    if shape == (30, 50):
        assert (everything.label_map == 1).all()


@pytest.mark.parametrize("name", EVERY)
def test_planes_are_floats_and_reading_leaves_them_as_they_are(name):
    target = target_of(name)
    planes = target.planes(instances_of(relabel(discs(40, 5, 0)[1])))
    assert planes.shape == (target.plane_count, 40, 40)
    assert planes.dtype == np.float32
    logits = perfect_logits(target, planes)
    before = logits.copy()
    once, again = target.read(logits), target.read(logits)
    np.testing.assert_array_equal(logits, before)
    np.testing.assert_array_equal(once.label_map, again.label_map)
    np.testing.assert_array_equal(once.scores, again.scores)


@pytest.mark.parametrize("name", ["borders", "distance", "foreground"])
@given(symmetry=st.sampled_from(sorted(SYMMETRIES)), seed=st.integers(0, 50))
@settings(max_examples=20)
def test_planes_without_directions_turn_with_the_image(name, symmetry, seed):
    target, label_map = target_of(name), relabel(discs(40, 5, seed)[1])
    planes = np.ascontiguousarray(apply(target.planes(instances_of(label_map)), symmetry))
    turned_map = np.ascontiguousarray(apply(label_map, symmetry))
    np.testing.assert_allclose(
        target.rotate_vectors(planes, np.eye(2)), target.planes(instances_of(turned_map)), atol=1e-5
    )


@pytest.mark.parametrize("name", EVERY)
@given(seed=st.integers(0, 10_000))
def test_noise_is_read_without_a_word(name, seed):
    target = target_of(name)
    noise = 4 * np.random.default_rng(seed).standard_normal((target.plane_count, 33, 20)).astype(np.float32)
    found = target.read(noise)
    areas = np.bincount(found.label_map.ravel())[1:]
    assert len(areas) == len(found.scores) == len(found.classes)
    assert (areas >= target.min_area_px).all()


@pytest.mark.parametrize("name", EVERY)
def test_planes_that_cannot_be_read_are_refused(name):
    target = target_of(name)
    with pytest.raises(InputError, match="planes"):
        target.read(np.zeros((target.plane_count + 1, 4, 4), np.float32))
    broken = np.zeros((target.plane_count, 4, 4), np.float32)
    broken[-1, 2, 2] = np.nan
    with pytest.raises(InputError, match="NaN"):
        target.read(broken)


@pytest.mark.parametrize("name", EVERY)
def test_endless_logits_are_certainty(name):
    target = target_of(name)
    label_map = grid_of_discs(6, 3)
    logits = perfect_logits(target, target.planes(instances_of(label_map)))
    first = 2 if name == "flows" else 0
    logits[first] = np.where(label_map > 0, np.inf, -np.inf)
    assert target.read(logits).label_map.max() == 16


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "least"), [("borders", 0.94), ("distance", 0.92), ("flows", 0.94), ("foreground", 0.5)]
)
def test_nuclei_of_real_images_come_back(name, least, samples):
    paths = sorted((samples / "dsb2018" / "labels").iterdir())[::40]
    truths = [instances_of(relabel(read_label_map(path))) for path in paths]
    precision = score_images(bound_of(target_of(name), truths).counts).mean("ap")
    assert precision[8] >= least
