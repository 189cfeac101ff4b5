import cv2
import numpy as np
import pytest

from hpa.core.field import Field
from hpa.intake.quality_measures import measure_field
from hpa.simulation.two_cell_types import render_two_type_field


@pytest.fixture(scope="module")
def field():
    return render_two_type_field(2, "HEK", 0, 512, 512).field


def measured(pixels, field):
    return measure_field(Field("a", np.asarray(pixels), field.channels, 0.325), 2.0)


def blurred(field, sigma_px):
    return np.stack([cv2.GaussianBlur(plane, (0, 0), sigma_px) for plane in field.pixels])


def test_blur_takes_sharpness_and_noise_gives_none(field):
    rng = np.random.default_rng(0)
    sharp = measured(field.pixels, field).sharpness
    values = [measured(blurred(field, sigma_px), field).sharpness for sigma_px in (1.5, 3.0, 6.0)]
    for name in sharp:
        assert sharp[name] > values[0][name] > values[1][name] > values[2][name]
    noisy = np.clip(blurred(field, 6.0) + rng.normal(0, 12, field.pixels.shape), 0, 255).astype(np.uint8)
    for name, value in measured(noisy, field).sharpness.items():
        assert value < 0.6 * sharp[name]


def test_brightness_and_depth_change_nothing_but_saturation(field):
    told = measured(field.pixels, field)
    deep = measured(field.pixels.astype(np.uint16) * 100, field)
    assert deep.sharpness == pytest.approx(told.sharpness, rel=1e-3)
    assert deep.unevenness == pytest.approx(told.unevenness, rel=0.05)
    assert deep.signal == pytest.approx(told.signal, rel=1e-3)
    assert deep.saturated_share == told.saturated_share
    burnt = np.clip(field.pixels.astype(int) * 5, 0, 255).astype(np.uint8)
    assert measured(burnt, field).saturated_share > 0.05 > told.saturated_share


def test_noise_is_no_signal(field):
    rng = np.random.default_rng(0)
    noise = rng.poisson(12, (2, 512, 512)).astype(np.uint8)
    assert measured(noise, field).signal < 0.1
    assert measured(field.pixels, field).signal > 0.9
    assert measured(np.zeros((2, 64, 64), np.uint8), field).signal == 0


def test_light_that_falls_off_is_measured(field):
    falling = np.linspace(1, 0.2, 512)[None, :, None]
    uneven = measured((field.pixels * falling).astype(np.uint8), field).unevenness
    assert uneven > 1.75 > measured(field.pixels, field).unevenness


def test_channels_of_other_fields_do_not_agree(field):
    other = render_two_type_field(2, "HEK", 5, 512, 512).field
    mixed = np.stack([field.pixels[0], other.pixels[1]])
    assert measured(mixed, field).agreement < 4 < measured(field.pixels, field).agreement


def test_dirt_is_distinguished_from_bright_cells(field):
    assert measured(field.pixels, field).debris_share < 1.5e-3
    dirty = field.pixels.copy()
    for plane in dirty:
        cv2.circle(plane, (256, 256), 14, 255, cv2.FILLED)
    assert measured(dirty, field).debris_share == pytest.approx(np.pi * 14**2 / 512**2, rel=0.3)


def test_one_channel_is_measured_too(field):
    alone = measure_field(Field("a", field.pixels[1:], ("blue",), 0.325), 2.0)
    assert np.isnan(alone.agreement)
    assert set(alone.sharpness) == {"blue"}


@pytest.mark.parametrize("size_px", [(1, 1), (1, 300), (300, 1), (2, 2), (3, 5)])
@pytest.mark.parametrize("level", [0, 7, None])
@pytest.mark.filterwarnings("error")
def test_images_of_a_few_pixels_are_measured(size_px, level):
    drawn = np.random.default_rng(0).integers(0, 255, (2, *size_px)).astype(np.uint8)
    pixels = drawn if level is None else np.full_like(drawn, level)
    found = measure_field(Field("a", pixels, ("red", "blue"), 0.325), 2.0)
    assert -1 <= found.signal <= 1 + 1e-6
    if size_px[0] == 1:
        assert found.signal == 0
