import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.core.planes import PlaneSpec, resized, resized_label_map


def field_of(pixels: np.ndarray, channels: tuple[str, ...], pixel_um: float = 0.5) -> Field:
    return Field("some", pixels, channels, pixel_um)


def by_percentile(low: float = 1.0, high: float = 99.0, pixel_um: float | None = None) -> PlaneSpec:
    return PlaneSpec(pixel_um, True, low, high)


@given(seed=st.integers(0, 99), bits=st.sampled_from([8, 16]), gain=st.sampled_from([1, 3]))
def test_intensities_lie_in_0_1_and_do_not_depend_on_gain(seed, bits, gain):
    draw = np.random.default_rng(seed)
    pixels = draw.integers(0, 80, (1, 32, 40)).astype(np.uint8 if bits == 8 else np.uint16)
    planes = by_percentile().prepare(field_of(pixels, ("grey",)), ["grey"])
    louder = by_percentile().prepare(field_of(pixels * pixels.dtype.type(gain), ("grey",)), ["grey"])
    assert planes.dtype == np.float32
    assert planes.min() >= 0
    assert planes.max() <= 1
    np.testing.assert_allclose(planes, louder, atol=1e-5)


def test_a_constant_plane_becomes_0():
    pixels = np.full((1, 8, 8), 200, np.uint8)
    assert not by_percentile().prepare(field_of(pixels, ("grey",)), ["grey"]).any()


def test_without_percentiles_the_bit_depth_is_divided_out():
    pixels = np.array([[[0, 255]]], np.uint8)
    assert PlaneSpec(None, False, 0.0, 100.0).prepare(field_of(pixels, ("grey",)), ["grey"]).tolist() == [[[0, 1]]]


def test_a_colour_picture_has_a_grey_plane_and_a_grey_one_stands_for_colours():
    spec = PlaneSpec(None, False, 0.0, 100.0)
    colour = field_of(np.full((3, 4, 4), 100, np.uint8), ("red", "green", "blue"))
    np.testing.assert_allclose(spec.prepare(colour, ["grey"]), 100 / 255, rtol=1e-5)
    grey = field_of(np.full((1, 4, 4), 100, np.uint8), ("grey",))
    assert spec.prepare(grey, ["red", "green", "blue"]).shape == (3, 4, 4)
    with pytest.raises(InputError, match="yellow"):
        spec.prepare(colour, ["yellow"])


def test_fields_are_resampled_to_the_wanted_pixel_size():
    spec = by_percentile(pixel_um=1.0)
    pixels = np.zeros((1, 30, 41), np.uint8)
    assert spec.prepare(field_of(pixels, ("grey",), 0.5), ["grey"]).shape == (1, 15, 20)
    with pytest.raises(InputError, match="pixel_um"):
        spec.prepare(field_of(pixels, ("grey",), float("nan")), ["grey"])


def test_settings_out_of_range_are_refused():
    with pytest.raises(InputError, match="percentile"):
        PlaneSpec(None, True, 99.0, 1.0)
    with pytest.raises(InputError, match="pixel_um"):
        PlaneSpec(-1.0, True, 1.0, 99.0)


@given(factor=st.integers(1, 4))
def test_label_maps_keep_their_numbers_at_another_size(factor):
    label_map = np.array([[0, 70000], [3, 0]], np.int32)
    larger = resized_label_map(label_map, 2 * factor, 2 * factor)
    np.testing.assert_array_equal(larger[::factor, ::factor], label_map)
    assert set(np.unique(larger)) == {0, 3, 70000}


def test_planes_keep_their_mean_where_they_shrink():
    plane = np.random.default_rng(0).random((1, 40, 60)).astype(np.float32)
    assert resized(plane, 20, 30).mean() == pytest.approx(plane.mean(), abs=1e-5)
