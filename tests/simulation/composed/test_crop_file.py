import cv2
import numpy as np
import pytest
import tifffile

from hpa.core.errors import InputError
from hpa.simulation.composed.crop_file import read_crop
from tests.simulation.composed.conftest import square_mask, stripes


def written(path, crop):
    if path.suffix == ".npy":
        np.save(path, crop)
    elif path.suffix == ".png":
        cv2.imwrite(str(path), crop[..., ::-1] if crop.shape[2] == 3 else crop[..., 0])
    else:
        tifffile.imwrite(path, np.moveaxis(crop, 2, 0)[0], photometric="minisblack")
    return path


@pytest.mark.parametrize(
    ("name", "channels", "dtype"),
    [
        ("c.png", 1, np.uint8),
        ("c.png", 1, np.uint16),
        ("c.png", 3, np.uint8),
        ("c.tif", 1, np.uint16),
        ("c.npy", 1, np.uint8),
        ("c.npy", 4, np.uint16),
    ],
)
def test_every_format_gives_its_planes(tmp_path, name, channels, dtype):
    crop = stripes(1, 0, channels, dtype)
    crop[..., -1] += 1  # channels differ, so that their order shows
    read = read_crop(written(tmp_path / name, crop), None)
    assert read.planes.dtype == dtype
    np.testing.assert_array_equal(read.planes, np.moveaxis(crop, 2, 0))


@pytest.mark.parametrize("order", ["height width", "height width channel", "channel height width"])
def test_arrays_come_in_any_usual_order(tmp_path, order):
    crop = stripes(1, 0, 1 if order == "height width" else 3)
    array = {"height width": crop[..., 0], "channel height width": np.moveaxis(crop, 2, 0)}.get(order, crop)
    np.save(tmp_path / "c.npy", array)
    np.testing.assert_array_equal(read_crop(tmp_path / "c.npy", None).planes, np.moveaxis(crop, 2, 0))


def test_a_mask_of_a_file_is_taken(tmp_path):
    path = written(tmp_path / "c.png", stripes(1, 0))
    cv2.imwrite(str(tmp_path / "m.png"), square_mask())
    np.testing.assert_array_equal(read_crop(path, tmp_path / "m.png").mask, square_mask() > 0)


def test_a_crop_whose_outside_is_black_is_its_own_mask(tmp_path):
    crop = stripes(1, 0)
    crop[square_mask() == 0] = 0
    crop[9, 9] = 0  # a dark pixel inside the cell
    np.testing.assert_array_equal(read_crop(written(tmp_path / "c.png", crop), None).mask, square_mask() > 0)


def test_without_a_mask_the_cell_is_a_disc_that_leaves_the_corners(tmp_path):
    mask = read_crop(written(tmp_path / "c.png", stripes(1, 0)), None).mask
    assert not mask[[0, 0, -1, -1], [0, -1, 0, -1]].any()
    assert mask[10, 2:18].all()
    assert 0.6 < mask.mean() < 0.8


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((20, 20), np.float32), "values are float32; uint8 or uint16"),
        (np.zeros((20, 20, 7), np.uint8), r"shape \(20, 20, 7\)"),
        (np.zeros((2, 2, 20, 20), np.uint8), "shape"),
        (np.array([{}], dtype=object), "no objects"),
        (np.zeros((20, 20), np.uint8), "cell has 0 px"),
    ],
)
def test_arrays_that_are_no_crops_are_refused(tmp_path, array, words):
    np.save(tmp_path / "c.npy", array)
    mask = tmp_path / "m.png"
    cv2.imwrite(str(mask), np.zeros((20, 20), np.uint8))
    with pytest.raises(InputError, match=words):
        read_crop(tmp_path / "c.npy", mask)


def test_a_mask_of_another_size_is_refused(tmp_path):
    path = written(tmp_path / "c.png", stripes(1, 0))
    cv2.imwrite(str(tmp_path / "m.png"), np.ones((20, 24), np.uint8))
    with pytest.raises(InputError, match="has 24x20 px, the crop 20x20"):
        read_crop(path, tmp_path / "m.png")
