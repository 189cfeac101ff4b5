import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hpa.pixels.stain.density import MIN_LIGHT, density_of, is_lit, with_density_changed

LIGHT = arrays(np.float32, (3, 4, 3), elements=st.floats(0, 1, width=32))


@given(LIGHT)
def test_no_change_gives_the_picture_back_bit_by_bit(picture):
    assert np.array_equal(with_density_changed(picture, np.zeros_like(picture)), picture)


@given(LIGHT)
def test_density_is_finite_and_no_light_is_darkest(picture):
    density = density_of(picture)
    assert np.isfinite(density).all()
    assert density.min() >= 0
    assert density.max() <= -np.log10(MIN_LIGHT) + 1e-6


@given(LIGHT)
def test_taking_all_density_off_leaves_white_glass(picture):
    picture = np.maximum(picture, np.float32(MIN_LIGHT))
    np.testing.assert_allclose(with_density_changed(picture, -density_of(picture)), 1, rtol=1e-5)


def test_two_sheets_of_one_stain_let_the_square_of_the_light_through():
    sheet = np.full((1, 1, 3), [0.9, 0.5, 0.2], np.float32)
    np.testing.assert_allclose(with_density_changed(sheet, density_of(sheet)), sheet**2, rtol=1e-5)


def test_black_is_outside_and_the_darkest_grey_level_is_not():
    picture = np.array([[[0, 0, 0], [0, 0, 1 / 255]]], np.float32)
    assert is_lit(picture).tolist() == [[False, True]]
