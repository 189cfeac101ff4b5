import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from hpa.core.errors import InputError
from hpa.core.field import Field, Segmentation
from hpa.core.label_map import relabel
from hpa.segmenters.watershed import Watershed

CHANNELS = ("red", "green", "blue", "yellow")
CONFIG = Path(__file__).parents[2] / "conf/segmenter/watershed.yaml"


def segmenter(**changed: Any) -> Watershed:
    arguments = yaml.safe_load(CONFIG.read_text())
    del arguments["_target_"]
    return Watershed(**(arguments | changed))


def drawn(height: int, width: int, centres: list[tuple[int, int]], pixel_um: float, peak: int, seed: int = 0) -> Field:
    """Round cells of 10 µm radius with nuclei of 5 µm, on background 2, with photon noise."""
    rows, columns = np.mgrid[:height, :width]
    depth = np.uint16 if peak > 255 else np.uint8
    light = np.full((4, height, width), 2.0)
    for row, column in centres:
        distance = np.hypot(rows - row, columns - column) * pixel_um
        light[2] += 200 * (distance < 5)
        light[[0, 1, 3]] += 60 * (distance < 10)
    noisy = np.random.default_rng(seed).poisson(light)
    pixels = np.minimum(noisy * (peak / 400), np.iinfo(depth).max).astype(depth)
    return Field("drawn", pixels, CHANNELS, pixel_um)


def assert_sound(field: Field, segmentation: Segmentation) -> None:
    assert segmentation.nuclei is not None
    count = int(segmentation.cells.max(initial=0))
    assert set(np.unique(segmentation.cells)) - {0} == set(range(1, count + 1))
    assert segmentation.cells.shape == segmentation.nuclei.shape == field.pixels.shape[1:]
    inside = segmentation.nuclei > 0
    np.testing.assert_array_equal(segmentation.nuclei[inside], segmentation.cells[inside])
    for label_map in (segmentation.cells, segmentation.nuclei):
        for number in range(1, count + 1):
            assert ndimage.label(label_map == number)[1] == 1


@pytest.mark.parametrize("peak", [255, 600, 60_000])
@pytest.mark.parametrize(("height", "width", "pixel_um"), [(300, 420, 0.16), (150, 201, 0.32), (110, 90, 0.6)])
def test_every_drawn_cell_is_found_at_any_depth_and_pixel_size(
    height: int, width: int, pixel_um: float, peak: int
) -> None:
    step = round(24 / pixel_um)
    centres = [(r, c) for r in range(step // 2, height, step) for c in range(step // 2, width, step)]
    field = drawn(height, width, centres, pixel_um, peak)
    (found,) = segmenter().segment([field])
    assert_sound(field, found)
    assert found.cells.max() == len(centres)
    areas = np.bincount(found.cells.ravel())[1:] * pixel_um**2
    whole = np.pi * 10**2
    assert np.median(areas) == pytest.approx(whole, rel=0.2)


def test_touching_cells_are_parted() -> None:
    field = drawn(260, 400, [(130, 120), (130, 178), (130, 300)], 0.16, 255)
    (found,) = segmenter().segment([field])
    assert_sound(field, found)
    assert found.cells.max() == 3
    numbers = [found.cells[130, column] for column in (120, 178, 300)]
    assert len(set(numbers)) == 3


def test_dim_nucleus_beside_bright_ones_and_uneven_light() -> None:
    centres = [(60, 60), (60, 240), (190, 150), (190, 330)]
    field = drawn(256, 400, centres, 0.16, 40_000)
    shade = np.linspace(0.15, 1, 400)
    dimmed = Field("shaded", (field.pixels * shade).astype(np.uint16), CHANNELS, 0.16)
    (found,) = segmenter().segment([dimmed])
    assert sorted(found.cells[row, column] for row, column in centres) == [1, 2, 3, 4]


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("level", [0, 7, 255])
def test_a_constant_field_holds_no_cell(depth: type, level: int) -> None:
    (found,) = segmenter().segment([Field("flat", np.full((4, 90, 130), level, depth), CHANNELS, 0.16)])
    assert found.nuclei is not None
    assert not found.cells.any()
    assert not found.nuclei.any()


@pytest.mark.parametrize("mean", [2, 20])
def test_noise_alone_is_no_cell(mean: float) -> None:
    noise = np.random.default_rng(1).poisson(mean, (4, 300, 300)).astype(np.uint8)
    (found,) = segmenter().segment([Field("noise", noise, CHANNELS, 0.16)])
    assert found.cells.max() == 0


@settings(max_examples=15, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    pixel_um=st.sampled_from([0.04, 0.08, 0.3, 0.7]),
    seed=st.integers(0, 99),
)
def test_result_is_sound_whatever_the_field(shape: tuple[int, int], pixel_um: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    blobs = cv2.GaussianBlur(random.random((*shape, 4), np.float32), (0, 0), 4)
    pixels = np.ascontiguousarray((blobs.reshape(*shape, 4) ** 4 * 60_000).transpose(2, 0, 1)).astype(np.uint16)
    field = Field("blobs", pixels, CHANNELS, pixel_um)
    (found,) = segmenter(nucleus_min_um2=0.5, cell_min_um2=1.0, nucleus_contrast=0.0).segment([field])
    assert_sound(field, found)


def test_a_narrow_strip() -> None:
    field = drawn(60, 4000, [(30, column) for column in range(100, 4000, 200)], 0.16, 255)
    (found,) = segmenter().segment([field])
    assert_sound(field, found)
    assert found.cells.max() == 20


def test_two_channels_in_any_order() -> None:
    field = drawn(256, 256, [(60, 60), (180, 180)], 0.16, 255)
    two = Field("two", field.pixels[[2, 1]], ("blue", "green"), 0.16)
    chosen = segmenter(cell_channels=["green"])
    assert chosen.channels == ("blue", "green")
    (found,) = chosen.segment([two])
    assert found.cells.max() == 2


def test_missing_channel_is_named() -> None:
    field = Field("one", np.zeros((1, 9, 9), np.uint8), ("green",), 0.16)
    with pytest.raises(InputError, match="'blue' is needed"):
        segmenter().segment([field])
    with pytest.raises(InputError, match="is a list"):
        segmenter(cell_channels="red")


def test_without_cell_channels_nuclei_are_what_is_found() -> None:
    field = drawn(256, 256, [(60, 60), (180, 180)], 0.16, 255)
    (whole,) = segmenter().segment([field])
    (found,) = segmenter(cell_channels=[]).segment([field])
    assert whole.nuclei is not None
    assert found.nuclei is None
    np.testing.assert_array_equal(found.cells > 0, whole.nuclei > 0)


def test_fingerprint_depends_on_settings() -> None:
    assert segmenter().fingerprint() == segmenter().fingerprint()
    assert segmenter().fingerprint() != segmenter(reach_um=41.0).fingerprint()


@pytest.mark.parametrize("mosaic", [0, 1, 2])
def test_most_real_cells_are_found(mosaic: int, samples: Path) -> None:
    folder = samples / "hpa_rgby/mosaic_derived"
    planes = [cv2.imread(str(folder / f"mosaic{mosaic}_{channel}.png"), cv2.IMREAD_UNCHANGED) for channel in CHANNELS]
    truth = relabel(cv2.imread(str(folder / f"mosaic{mosaic}_instances.png"), cv2.IMREAD_UNCHANGED).astype(np.int32))
    (found,) = segmenter().segment([Field("mosaic", np.stack(planes), CHANNELS, 0.16)])
    hits = 0
    for cell in range(1, int(truth.max()) + 1):
        mask = truth == cell
        unions = [(mask | (found.cells == other)).sum() for other in np.unique(found.cells[mask]) if other]
        shared = [(mask & (found.cells == other)).sum() for other in np.unique(found.cells[mask]) if other]
        hits += any(one / all_ >= 0.6 for one, all_ in zip(shared, unions, strict=True))
    assert hits / truth.max() >= 0.85


def test_an_image_whose_pixel_size_is_not_known_is_refused_in_words():
    with pytest.raises(InputError, match=r"side of a pixel is not known.*data\.pixel_um"):
        segmenter().work_size((64, 64), math.nan)
