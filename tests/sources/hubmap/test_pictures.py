import importlib.util
import re

import numpy as np
import pytest
import tifffile
from PIL import Image

from hpa.core.errors import InputError
from hpa.formats.image_header import PlaneInfo
from hpa.sources.hubmap.pictures import picture_info, read_picture
from tests.sources.hubmap_folder import picture


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    "options",
    [{}, {"compression": "zlib"}, {"tile": (16, 16)}, {"rowsperstrip": 5}, {"byteorder": ">"}, {"bigtiff": True}],
    ids=str,
)
def test_a_picture_comes_back_as_planes(tmp_path, dtype, options):
    pixels = picture(1, 37, 51, dtype)
    tifffile.imwrite(tmp_path / "a.tiff", pixels, photometric="rgb", **options)
    planes = read_picture(tmp_path / "a.tiff")
    assert planes.dtype == dtype
    assert planes.flags.c_contiguous
    assert np.array_equal(planes, pixels.transpose(2, 0, 1))
    assert picture_info(tmp_path / "a.tiff") == PlaneInfo(37, 51, 8 * np.dtype(dtype).itemsize)


def test_planes_stored_one_after_the_other_are_read_alike(tmp_path):
    planes = picture(1, 37, 51).transpose(2, 0, 1).copy()
    tifffile.imwrite(tmp_path / "a.tiff", planes, photometric="rgb", planarconfig="separate")
    assert np.array_equal(read_picture(tmp_path / "a.tiff"), planes)
    assert picture_info(tmp_path / "a.tiff") == PlaneInfo(37, 51, 8)


@pytest.mark.parametrize("mode", ["CMYK", "RGBA", "L", "P", "LAB", "YCbCr"])
def test_what_is_no_rgb_is_refused_with_the_remedy(tmp_path, mode):
    image = Image.fromarray(picture())
    (Image.new("LAB", (30, 20)) if mode == "LAB" else image.convert(mode)).save(tmp_path / "a.tiff")
    with pytest.raises(InputError, match="one RGB picture of 8 or 16 bit is expected") as caught:
        picture_info(tmp_path / "a.tiff")
    assert "convert it to RGB" in str(caught.value)
    assert ("CMYK (inks)" in str(caught.value)) == (mode == "CMYK")
    with pytest.raises(InputError, match=re.escape(str(tmp_path))):
        read_picture(tmp_path / "a.tiff")


@pytest.mark.parametrize(
    ("pixels", "found"),
    [(np.zeros((8, 9, 3), np.float32), "float32"), (np.zeros((2, 8, 9, 3), np.uint8), "2 pages")],
    ids=["float", "pages"],
)
def test_other_depths_and_stacks_are_refused(tmp_path, pixels, found):
    tifffile.imwrite(tmp_path / "a.tiff", pixels, photometric="rgb")
    with pytest.raises(InputError, match=found):
        picture_info(tmp_path / "a.tiff")


def test_a_file_that_is_cut_short_is_found_without_decoding_wherever_it_is_cut(tmp_path):
    tifffile.imwrite(tmp_path / "a.tiff", picture(0, 40, 40), photometric="rgb")
    whole = (tmp_path / "a.tiff").read_bytes()
    for length in np.linspace(0, len(whole) - 1, 30).astype(int):
        (tmp_path / "a.tiff").write_bytes(whole[:length])
        with pytest.raises(InputError, match="damaged or cut short"):
            picture_info(tmp_path / "a.tiff")


def test_missing_unrelated_and_damaged_files_are_reported(tmp_path):
    with pytest.raises(InputError, match="the file is missing"):
        picture_info(tmp_path / "a.tiff")
    Image.fromarray(picture()).save(tmp_path / "b.png")
    with pytest.raises(InputError, match="damaged or cut short"):
        picture_info(tmp_path / "b.png")
    tifffile.imwrite(tmp_path / "c.tiff", picture(0, 90, 90), photometric="rgb", compression="zlib")
    with tifffile.TiffFile(tmp_path / "c.tiff") as tiff:
        start = tiff.pages.first.dataoffsets[0]
    content = bytearray((tmp_path / "c.tiff").read_bytes())
    content[start : start + 60] = bytes(60)
    (tmp_path / "c.tiff").write_bytes(bytes(content))
    picture_info(tmp_path / "c.tiff")
    with pytest.raises(InputError, match="damaged or cut short"):
        read_picture(tmp_path / "c.tiff")


def test_jpeg_is_read_as_rgb_or_the_missing_decoder_is_named(tmp_path):
    smooth = np.broadcast_to(np.array([200, 120, 60], np.uint8), (64, 48, 3))
    Image.fromarray(smooth).save(tmp_path / "a.tiff", compression="jpeg")
    if importlib.util.find_spec("imagecodecs"):
        assert picture_info(tmp_path / "a.tiff") == PlaneInfo(64, 48, 8)
        assert np.abs(read_picture(tmp_path / "a.tiff").transpose(1, 2, 0) - smooth.astype(float)).max() < 4
    else:
        with pytest.raises(InputError, match="needs the package imagecodecs"):
            picture_info(tmp_path / "a.tiff")
