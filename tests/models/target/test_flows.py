from pathlib import Path

import numpy as np
import pytest
from hydra.utils import instantiate
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from benchmarks.cells import field_of_cells
from hpa.core.dihedral import SYMMETRIES, apply
from hpa.core.errors import InputError
from hpa.core.flows import NETWORK_SCALE
from hpa.core.label_map import relabel
from hpa.core.matching import iou_matrix
from hpa.interfaces import Instances, PixelTarget
from tests.roles import assert_fills

CONFIG = Path(__file__).parents[3] / "conf/model/target/flows.yaml"
TARGET = instantiate(OmegaConf.load(CONFIG))


def instances_of(label_map):
    return Instances(label_map, np.zeros(int(label_map.max(initial=0)), np.int64))


def perfect_output(planes, confidence=8.0):
    """The logits of a perfect network."""
    return np.concatenate([NETWORK_SCALE * planes[:2], confidence * (2 * planes[2:] - 1)]).astype(np.float32)


def linear_of(name):
    """The matrix of a symmetry on steps (y, x), read from where it puts the pixels of a small image."""
    before = np.indices((3, 3)).astype(np.float64)  # (axis, row, column): each pixel holds its own position
    after = np.stack([np.asarray(apply(plane, name)) for plane in before])  # where each pixel came from
    back = np.stack([after[:, 2, 1] - after[:, 1, 1], after[:, 1, 2] - after[:, 1, 1]], axis=1)
    return np.linalg.inv(back)


def test_plays_the_role():
    assert_fills(TARGET, PixelTarget)


@pytest.mark.parametrize(("side_px", "cells"), [(150, 12), (220, 40), (256, 1)])
def test_encoded_instances_are_decoded(side_px, cells):
    label_map = relabel(field_of_cells(side_px, cells, seed=side_px))
    found = TARGET.read(perfect_output(TARGET.planes(instances_of(label_map))))
    assert iou_matrix(found.label_map, label_map).max(axis=0).min() > 0.8
    assert found.label_map.dtype == np.int32
    assert len(found.classes) == len(found.scores) == found.label_map.max()
    assert not found.classes.any()
    assert found.scores.min() > 0.99


def test_scores_are_the_mean_probability_inside():
    label_map = np.zeros((40, 80), np.int32)
    label_map[10:30, 10:30], label_map[10:30, 50:70] = 1, 2
    logits = perfect_output(TARGET.planes(instances_of(label_map)))
    logits[2, 10:30, 10:20], logits[2, 10:30, 20:30] = np.log(3), np.log(9)  # probabilities 3/4 and 9/10
    found = TARGET.read(logits)
    assert found.scores[found.label_map[20, 15] - 1] == pytest.approx((0.75 + 0.9) / 2, abs=1e-4)


@pytest.mark.parametrize("shape", [(1, 1), (3, 4), (60, 4000)])
def test_an_empty_image_holds_nothing(shape):
    nothing = instances_of(np.zeros(shape, np.int32))
    planes = TARGET.planes(nothing)
    assert planes.shape == (3, *shape)
    assert planes.dtype == np.float32
    assert not planes.any()
    found = TARGET.read(perfect_output(planes))
    assert not found.label_map.any()
    assert found.scores.shape == found.classes.shape == (0,)


def test_one_enormous_cell_and_five_thousand_tiny_ones():
    y, x = np.indices((600, 700))
    disc = ((y - 300) ** 2 + (x - 350) ** 2 < 290**2).astype(np.int32)
    assert TARGET.read(perfect_output(TARGET.planes(instances_of(disc)))).label_map.max() == 1
    tiny = (np.arange(5000, dtype=np.int32) + 1).reshape(50, 100).repeat(5, axis=0).repeat(5, axis=1)
    assert TARGET.read(perfect_output(TARGET.planes(instances_of(tiny)))).label_map.max() == 5000


@given(name=st.sampled_from(sorted(SYMMETRIES)), seed=st.integers(0, 50))
@settings(max_examples=24)
def test_rotated_planes_are_those_of_the_rotated_image(name, seed):
    label_map = np.kron(relabel(field_of_cells(30, 4, seed)), np.ones((3, 3), np.int32))  # odd sides: even centres
    linear = linear_of(name)
    warped = np.ascontiguousarray(apply(TARGET.planes(instances_of(label_map)), name))
    rotated = TARGET.rotate_vectors(warped, linear)
    expected = TARGET.planes(instances_of(np.ascontiguousarray(apply(label_map, name))))
    moving = (np.hypot(*rotated[:2]) > 0.5) & (np.hypot(*expected[:2]) > 0.5)
    cosine = (rotated[:2] * expected[:2]).sum(axis=0)[moving]
    assert cosine.mean() > 0.99
    np.testing.assert_array_equal(rotated[2], expected[2])


@given(angle=st.floats(-np.pi, np.pi), scale=st.floats(0.2, 5), mirrored=st.booleans())
def test_vectors_turn_with_the_image_and_keep_their_length(angle, scale, mirrored):
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = scale * rotation @ np.diag([1, -1 if mirrored else 1])
    planes = np.random.default_rng(0).standard_normal((3, 4, 5)).astype(np.float32)
    rotated = TARGET.rotate_vectors(planes, linear)
    expected = np.tensordot(linear / scale, planes[:2], axes=1)
    np.testing.assert_allclose(rotated[:2], expected, atol=1e-5)
    np.testing.assert_array_equal(rotated[2], planes[2])
    assert rotated.dtype == np.float32


def test_a_shear_acts_by_its_rotation_alone():
    shear = np.array([[1.0, 0.4], [0.0, 1.0]])
    ones = np.ones((3, 1, 1), np.float32)
    length = np.hypot(*TARGET.rotate_vectors(ones, shear)[:2])
    assert length == pytest.approx(np.sqrt(2), rel=1e-5)


def test_what_cannot_be_read_is_refused():
    with pytest.raises(InputError, match="three planes"):
        TARGET.read(np.zeros((2, 4, 4), np.float32))
    with pytest.raises(InputError, match="NaN"):
        TARGET.read(np.full((3, 4, 4), np.nan, np.float32))
