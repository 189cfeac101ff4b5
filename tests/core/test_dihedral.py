import numpy as np
import pytest
import torch

from hpa.core.dihedral import SYMMETRIES, apply, inverse
from hpa.core.errors import InputError

IMAGE = np.arange(24).reshape(2, 3, 4)
KNOWN = {
    "identity": IMAGE,
    "rotate_90": np.rot90(IMAGE, 1, axes=(-2, -1)),
    "rotate_180": np.rot90(IMAGE, 2, axes=(-2, -1)),
    "rotate_270": np.rot90(IMAGE, 3, axes=(-2, -1)),
    "flip_horizontal": IMAGE[..., ::-1],
    "flip_vertical": IMAGE[..., ::-1, :],
    "transpose": IMAGE.transpose(0, 2, 1),
    "anti_transpose": np.rot90(IMAGE, 2, axes=(-2, -1)).transpose(0, 2, 1),
}


def test_there_are_eight_different_symmetries():
    square = np.arange(9).reshape(3, 3)
    assert list(SYMMETRIES) == list(KNOWN)
    assert len({apply(square, name).tobytes() for name in SYMMETRIES}) == 8


@pytest.mark.parametrize("name", SYMMETRIES)
def test_symmetries_are_what_their_names_say_for_arrays_and_tensors(name):
    assert np.array_equal(apply(IMAGE, name), KNOWN[name])
    assert np.array_equal(apply(torch.from_numpy(IMAGE), name).numpy(), KNOWN[name])


@pytest.mark.parametrize("name", SYMMETRIES)
def test_the_inverse_undoes_on_both_sides(name):
    assert np.array_equal(apply(apply(IMAGE, name), inverse(name)), IMAGE)
    assert np.array_equal(apply(apply(IMAGE, inverse(name)), name), IMAGE)


def test_two_symmetries_after_each_other_are_a_third():
    square = np.arange(9).reshape(3, 3)
    single = {apply(square, name).tobytes() for name in SYMMETRIES}
    assert {apply(apply(square, one), other).tobytes() for one in SYMMETRIES for other in SYMMETRIES} == single


@pytest.mark.parametrize("use", [lambda name: apply(IMAGE, name), inverse])
def test_unknown_names_are_refused(use):
    with pytest.raises(InputError, match="choose from identity"):
        use("rotate_45")
