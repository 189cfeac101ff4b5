import numpy as np
import pytest

from hpa.simulation.camera import Camera

PERFECT = Camera(defocus_um=0.0, vignette=0.0, bright_spot=(0.5, 0.5), photons=(1e9,), read_noise=0.0, offset=0.0)


def expose(camera, light):
    return camera.expose(np.random.default_rng(0), light, pixel_um=0.3)[0].astype(float)


def altered(**changes):
    return Camera(**(vars(PERFECT) | changes))


def test_noise_grows_with_light_as_photons_do():
    light = np.repeat(np.float32([[0.1, 0.4]]), 256, axis=0).repeat(256, axis=1)[None]
    noisy, clean = expose(altered(photons=(100.0,)), light), expose(PERFECT, light)
    dim, bright = ((noisy - clean)[:, part].std() / 255 for part in (slice(0, 240), slice(270, 512)))
    assert dim == pytest.approx(np.sqrt(0.1 / 100), rel=0.1)
    assert bright == pytest.approx(np.sqrt(0.4 / 100), rel=0.1)


def test_defocus_spreads_a_point_and_keeps_its_light():
    light = np.zeros((1, 65, 65), np.float32)
    light[0, 32, 32] = 40.0
    sharp, blurred = expose(PERFECT, light), expose(altered(defocus_um=0.9), light)
    assert (blurred > 10).sum() > 2 * (sharp > 10).sum()
    assert blurred.max() < sharp.max()


def test_corners_are_darker():
    image = expose(altered(vignette=0.4), np.full((1, 100, 100), 0.5, np.float32))
    assert image[:8, :8].mean() < 0.75 * image[46:54, 46:54].mean()


def test_light_beyond_full_scale_saturates():
    assert expose(PERFECT, np.full((1, 9, 9), 3.0, np.float32)).min() == 255


def test_sampled_cameras_differ():
    cameras = [Camera.sample(np.random.default_rng(seed), 4) for seed in range(60)]
    assert 2 < sum(camera.defocus_um > 0.2 for camera in cameras) < 25
    assert all(len(camera.photons) == 4 for camera in cameras)
