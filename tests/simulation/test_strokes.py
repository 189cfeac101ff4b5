import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hpa.simulation.strokes import draw_curves, draw_dots, wander
from hpa.simulation.texture import network, smooth_noise


def test_curves_start_at_their_starts_and_take_steps_of_the_given_length():
    starts = np.array([[3.0, 4.0], [10.0, 2.0]])
    curves = wander(np.random.default_rng(0), starts, np.array([0.0, 1.0]), 12, 1.5, 0.3)
    np.testing.assert_array_equal(curves[:, 0], starts)
    np.testing.assert_allclose(np.linalg.norm(np.diff(curves, axis=1), axis=2), 1.5)


def test_layers_add_and_one_layer_does_not():
    cross = np.array([[[2.0, 8.0], [14.0, 8.0]], [[8.0, 2.0], [8.0, 14.0]]])
    assert draw_curves(17, 17, cross, 1.0, layers=1)[8, 8] < 1.05
    assert draw_curves(17, 17, cross, 1.0, layers=2)[8, 8] > 1.5


def test_nothing_to_draw_is_dark():
    assert draw_curves(5, 6, np.zeros((0, 3, 2)), 1.0, 2).sum() == 0
    assert draw_dots(5, 6, np.zeros((0, 2)), np.zeros(0), np.zeros(0)).shape == (5, 6)


@given(radius=st.floats(2, 8), grey=st.floats(0.2, 1))
@settings(max_examples=25, deadline=None)
def test_a_dot_has_its_area_and_brightness(radius, grey):
    image = draw_dots(33, 33, np.array([[16.0, 16.0]]), np.array([radius]), np.array([grey]))
    assert abs(image[16, 16] - grey) < 0.01
    # OpenCV rounds the rim outward by up to half a pixel
    assert np.pi * (radius - 0.5) ** 2 < image.sum() / grey < np.pi * (radius + 1) ** 2


@given(grain=st.floats(1, 20))
@settings(max_examples=25, deadline=None)
def test_noise_has_unit_spread_at_every_grain(grain):
    noise = smooth_noise(np.random.default_rng(0), 300, 310, grain)
    assert noise.shape == (300, 310)
    assert abs(noise.std() - 1) < 0.3
    assert abs(noise.mean()) < 0.3


def test_coarser_noise_changes_more_slowly():
    steps = [np.diff(smooth_noise(np.random.default_rng(0), 200, 200, grain)).std() for grain in (1.0, 4.0, 16.0)]
    assert steps[0] > 2 * steps[1] > 4 * steps[2]


def test_a_network_is_thin_and_bright():
    net = network(np.random.default_rng(0), 200, 200, 12.0, 0.3)
    assert net.max() <= 1
    assert 0.05 < (net > 0.5).mean() < 0.4
