from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpa.cells.crops import CropSpec, crop_cells
from hpa.core.errors import InputError
from hpa.core.field import Field, Segmentation

CHANNELS = ("red", "green")


def made(height: int, width: int, boxes: list[tuple[int, int, int, int]], dtype: type = np.uint8) -> tuple:
    random = np.random.default_rng(0)
    pixels = random.integers(1, np.iinfo(dtype).max, (2, height, width)).astype(dtype)
    cells = np.zeros((height, width), np.int32)
    nuclei = np.zeros_like(cells)
    for number, (top, left, bottom, right) in enumerate(boxes, start=1):
        cells[top:bottom, left:right] = number
        nuclei[(top + bottom) // 2, (left + right) // 2] = number
    return Field("f", pixels, CHANNELS, 0.1), Segmentation(cells, nuclei)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_without_resizing_a_crop_is_the_image_itself(dtype: type) -> None:
    field, segmentation = made(20, 30, [(4, 5, 12, 13)], dtype)
    crops = crop_cells(field, segmentation, CropSpec(["green"], 8, masked=True, margin=0.0))
    np.testing.assert_array_equal(crops.pixels[0, 0], field.pixels[1, 4:12, 5:13])
    assert crops.pixels.dtype == dtype
    assert (crops.regions[0] == 2).sum() == 1
    assert (crops.regions[0] == 1).sum() == 63


def test_margin_is_a_share_of_the_longer_side_and_the_cell_is_centred() -> None:
    field, segmentation = made(60, 60, [(20, 22, 40, 32)])
    crops = crop_cells(field, segmentation, CropSpec(CHANNELS, 24, masked=False, margin=0.1))
    np.testing.assert_array_equal(crops.pixels[0], field.pixels[:, 18:42, 15:39])
    masked = crop_cells(field, segmentation, CropSpec(CHANNELS, 24, masked=True, margin=0.1))
    np.testing.assert_array_equal(masked.pixels[0], crops.pixels[0] * (crops.regions[0] > 0))


def test_beyond_the_image_is_black() -> None:
    field, segmentation = made(20, 20, [(0, 0, 10, 4), (12, 16, 20, 20)])
    crops = crop_cells(field, segmentation, CropSpec(CHANNELS, 10, masked=False, margin=0.0))
    np.testing.assert_array_equal(crops.pixels[0, :, :, 3:], field.pixels[:, :10, :7])
    assert not crops.pixels[0, :, :, :3].any()
    assert (crops.regions[1] > 0).sum() > 0


@pytest.mark.parametrize("factor", [2, 3, 4, 6])
def test_shrinking_averages_areas(factor: int) -> None:
    side = 12
    field, segmentation = made(side * factor, side * factor, [(0, 0, side * factor, side * factor)])
    if factor % 2:  # blocks of 2 x 2 straddle those of 3 x 3: alike only where the image is smooth
        field.pixels[0] = np.linspace(0, 80, side * factor).astype(np.uint8)
    crops = crop_cells(field, segmentation, CropSpec(["red"], side, masked=True, margin=0.0))
    blocks = field.pixels[0].reshape(side, factor, side, factor).mean(axis=(1, 3))
    np.testing.assert_allclose(crops.pixels[0, 0], blocks, atol=1.01)


def test_enlarging_keeps_range_and_mean() -> None:
    field, segmentation = made(8, 8, [(0, 0, 8, 8)])
    crops = crop_cells(field, segmentation, CropSpec(["red"], 32, masked=True, margin=0.0))
    assert field.pixels[0].min() <= crops.pixels.min() <= crops.pixels.max() <= field.pixels[0].max()
    assert crops.pixels.mean() == pytest.approx(field.pixels[0].mean(), rel=0.05)


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(5, 60),
    width=st.integers(5, 60),
    side_px=st.integers(1, 40),
    margin=st.sampled_from([0.0, 0.1, 0.5]),
    masked=st.booleans(),
    data=st.data(),
)
def test_one_crop_a_cell_wherever_it_lies(
    height: int, width: int, side_px: int, margin: float, masked: bool, data: st.DataObject
) -> None:
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    bottom, right = data.draw(st.integers(top + 1, height)), data.draw(st.integers(left + 1, width))
    field, segmentation = made(height, width, [(top, left, bottom, right)])
    crops = crop_cells(field, segmentation, CropSpec(CHANNELS, side_px, masked=masked, margin=margin))
    assert len(crops) == 1
    assert crops.pixels.shape == (1, 2, side_px, side_px)
    assert set(np.unique(crops.regions)) <= {0, 1, 2}


def test_no_cells_and_no_nuclei() -> None:
    field, segmentation = made(9, 9, [])
    crops = crop_cells(field, segmentation, CropSpec(CHANNELS, 4, masked=True, margin=0.0))
    assert crops.pixels.shape == (0, 2, 4, 4)
    field, segmentation = made(9, 9, [(1, 1, 5, 5)])
    without = Segmentation(segmentation.cells)
    crops = crop_cells(field, without, CropSpec(CHANNELS, 4, masked=True, margin=0.0))
    assert set(np.unique(crops.regions)) == {1}


def test_bad_input_is_named() -> None:
    field, segmentation = made(9, 9, [(1, 1, 5, 5)])
    spec = CropSpec(CHANNELS, 4, masked=True, margin=0.0)
    with pytest.raises(InputError, match="'blue' is needed"):
        crop_cells(field, segmentation, replace(spec, channels=["blue"]))
    with pytest.raises(InputError, match="size of the field"):
        crop_cells(field, Segmentation(segmentation.cells[:5]), spec)
    with pytest.raises(InputError, match="without gaps"):
        crop_cells(field, Segmentation(segmentation.cells * 2), spec)
    with pytest.raises(InputError, match="side_px"):
        CropSpec(CHANNELS, 0, True, 0.0)


def test_fingerprint_depends_on_every_setting() -> None:
    specs = [
        CropSpec(CHANNELS, 8, True, 0.1),
        CropSpec(CHANNELS[::-1], 8, True, 0.1),
        CropSpec(CHANNELS, 9, True, 0.1),
        CropSpec(CHANNELS, 8, False, 0.1),
        CropSpec(CHANNELS, 8, True, 0.2),
    ]
    assert len({spec.fingerprint() for spec in specs}) == len(specs)
    assert CropSpec(list(CHANNELS), 8, True, 0.1) == specs[0]
