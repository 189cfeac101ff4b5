from pathlib import Path

import cv2
import numpy as np
import pytest

from hpa.core.field import Field
from hpa.formats.images import read_plane
from hpa.simulation.synthetic_field import render_field
from hpa.sources.pixel_check import agreement_of, check_pixels, mismatched_channels, structure_of
from tests.small_sets import CHANNELS, blobs

MOSAICS = [{name: f"hpa_rgby/mosaic_derived/mosaic{k}_{name}.png" for name in CHANNELS} for k in range(3)]
FOVS = [
    {name: f"hpa_rgby/fov/57_F11_1_{name}.png" for name in ("red", "green", "blue")},
    {name: f"hpa_rgby/fov/383_D2_1_{name}.png" for name in ("green", "blue")},
]
JUMP = {f"ch{k}": f"cellpainting/jump_BR00117006_A01_f01/r01c01f01p01-ch{k}sk1fk1fl1.tiff" for k in (2, 3, 5)}
PEDIATRIC = {
    f"ch{k}": f"cellpainting/pediatric_cancer_C03_f03/r03c03f03p01-ch{k}sk1fk1fl1.tiff" for k in (2, 3, 4, 5, 6)
}
SCHWANN = {
    name: f"cellpainting/nf1_schwann/D6_01_{k}_2_{name}_001.tif" for k, name in enumerate(("DAPI", "GFP", "RFP"), 1)
}
ALIGNED = [*MOSAICS, *FOVS, JUMP, PEDIATRIC, SCHWANN]


def field_of(planes: dict[str, np.ndarray]) -> Field:
    return Field("a", np.stack(list(planes.values())), tuple(planes), 0.08)


def load(samples: Path, paths: dict[str, str]) -> dict[str, np.ndarray]:
    return {name: read_plane(samples / path) for name, path in paths.items()}


def test_a_field_without_any_light_is_a_problem() -> None:
    findings = check_pixels(Field("a", np.zeros((4, 30, 40), np.uint16), CHANNELS, 0.08))
    assert "all planes are blank" in str(findings.problems[0])


@pytest.mark.parametrize("value", [0, 255])
def test_a_blank_channel_is_a_warning(value: int) -> None:
    planes = blobs(0)
    planes[1] = value
    findings = check_pixels(Field("a", planes, CHANNELS, 0.08))
    assert not findings.problems
    assert [str(warning) for warning in findings.warnings] == [
        f"a: channel green is blank ({value} everywhere); check the export"
    ]


@pytest.mark.parametrize("stranger", range(4))
@pytest.mark.parametrize("seed", range(4))
def test_a_channel_of_another_drawn_field_is_found(stranger: int, seed: int) -> None:
    planes = blobs(seed)
    assert mismatched_channels(Field("a", planes, CHANNELS, 0.08)) == ()
    planes[stranger] = blobs(seed + 100)[stranger]
    assert mismatched_channels(Field("a", planes, CHANNELS, 0.08)) == (CHANNELS[stranger],)


def test_noise_is_not_judged() -> None:
    planes = np.stack([np.repeat(np.repeat(plane, 4, 0), 4, 1) for plane in blobs(0)])
    planes[1] = np.random.default_rng(0).poisson(9, planes[1].shape)
    assert structure_of(planes[1]) is None
    assert mismatched_channels(Field("a", planes, CHANNELS, 0.08)) == ()


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 5), (3, 700), (300, 41)])
def test_any_size_can_be_checked(shape: tuple[int, int]) -> None:
    planes = np.random.default_rng(0).integers(0, 255, (3, *shape)).astype(np.uint8)
    check_pixels(Field("a", planes, CHANNELS[:3], 0.08))


def test_agreement_equals_a_slow_count_over_shifts() -> None:
    random = np.random.default_rng(0)
    first, second = random.standard_normal((2, 2, 24, 20)).astype(np.float32)
    near, far = [], []
    for down in range(-12, 12):
        for right in range(-10, 10):
            moved = np.roll(second, (down, right), (1, 2))
            value = np.linalg.norm([[(one * other).mean() for other in moved] for one in first])
            shift = max(abs(down), abs(right))
            near += [value] * (shift <= 4)
            far += [value] * (shift > 20 / 8)
    assert agreement_of(first, second) == pytest.approx((max(near) - np.mean(far)) / np.std(far), abs=1e-3)


def test_a_ring_around_the_nucleus_is_no_other_field() -> None:
    """Dark and bright side of the same cells cancel in a plain correlation."""
    nucleus = blobs(0)[2].astype(np.float32)
    ring = np.clip(2 * cv2.GaussianBlur(nucleus, (0, 0), 8) - nucleus, 0, 255).astype(np.uint8)
    assert mismatched_channels(Field("a", np.stack([ring, blobs(0)[2]]), ("red", "blue"), 0.08)) == ()


@pytest.mark.parametrize(("seed", "index"), [(1, 1), (2, 12)])
def test_dense_synthetic_fields_raise_no_warning_until_a_channel_is_swapped(seed: int, index: int) -> None:
    """Of these the nuclei depend least on the other stains among 42 fields."""
    fields = [render_field(seed, "train", number, 256, 256).field for number in (index, index - 1)]
    assert mismatched_channels(fields[0]) == ()
    swapped = fields[0].pixels.copy()
    swapped[2] = fields[1].pixels[2]
    assert mismatched_channels(Field("a", swapped, CHANNELS, 0.08)) == ("blue",)


@pytest.mark.parametrize("paths", ALIGNED, ids=lambda paths: Path(next(iter(paths.values()))).stem)
def test_real_aligned_channels_raise_no_warning(samples: Path, paths: dict[str, str]) -> None:
    assert check_pixels(field_of(load(samples, paths))) == ([], [])


def test_the_real_foreign_channel_is_found(samples: Path) -> None:
    planes = load(samples, FOVS[0] | {"yellow": "hpa_rgby/fov/57_F11_1_yellow_WRONG_FIELD.png"})
    findings = check_pixels(field_of(planes))
    assert not findings.problems
    assert "channel yellow may be of another field" in str(findings.warnings[0])
    # Two channels alone: neither can be told to be the right one.
    pair = field_of({name: planes[name] for name in ("blue", "yellow")})
    assert mismatched_channels(pair) == ("blue", "yellow")


def test_channels_swapped_between_real_fields_are_found(samples: Path) -> None:
    fields = [load(samples, JUMP), load(samples, PEDIATRIC)]
    swapped = fields[1] | {"ch5": fields[0]["ch5"]}
    assert mismatched_channels(field_of(swapped)) == ("ch5",)
    turned = fields[0] | {"ch3": np.ascontiguousarray(fields[0]["ch3"][:, ::-1])}
    assert mismatched_channels(field_of(turned)) == ("ch3",)
