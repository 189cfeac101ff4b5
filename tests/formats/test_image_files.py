import re
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from hpa.core.errors import InputError
from hpa.formats.image_files import PlaneInfo, difference_of, plane_info, read_field, read_plane
from tests.small_sets import CHANNELS, noise, save


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_plane_comes_back_as_it_was_stored(tmp_path: Path, suffix: str, dtype: type) -> None:
    plane = noise(0, 37, 51, dtype)
    path = save(plane, tmp_path / f"plane{suffix}")
    back = read_plane(path)
    assert back.dtype == dtype
    np.testing.assert_array_equal(back, plane)
    assert plane_info(path) == PlaneInfo(37, 51, 8 * np.dtype(dtype).itemsize)


@pytest.mark.parametrize(
    "options",
    [{"compression": "zlib"}, {"tile": (16, 16)}, {"rowsperstrip": 5}, {"byteorder": ">"}, {"bigtiff": True}],
    ids=str,
)
def test_tiff_variants(tmp_path: Path, options: dict[str, object]) -> None:
    plane = noise(1, 40, 50, np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", plane, photometric="minisblack", **options)
    np.testing.assert_array_equal(read_plane(tmp_path / "a.tif"), plane)


def test_the_first_bytes_decide_not_the_name(tmp_path: Path) -> None:
    plane = noise(2)
    (tmp_path / "a.png").write_bytes(save(plane, tmp_path / "a.tif").read_bytes())
    np.testing.assert_array_equal(read_plane(tmp_path / "a.png"), plane)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "LA", "1"])
def test_colour_is_refused_even_if_its_planes_are_equal(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(noise(0)).convert(mode).save(path)
    with pytest.raises(InputError, match="one grey plane of 8 or 16 bit is expected"):
        plane_info(path)
    with pytest.raises(InputError, match=re.escape(str(path))):
        read_plane(path)


@pytest.mark.parametrize(
    ("pixels", "photometric"),
    [
        (np.zeros((8, 9, 3), np.uint8), "rgb"),
        (np.zeros((8, 9), np.float32), "minisblack"),
        (np.zeros((8, 9), np.uint8), "miniswhite"),
        (np.zeros((4, 8, 9), np.uint8), "minisblack"),
    ],
    ids=["rgb", "float", "inverted", "pages"],
)
def test_tiffs_that_are_no_grey_plane_are_refused(tmp_path: Path, pixels: np.ndarray, photometric: str) -> None:
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric=photometric)
    with pytest.raises(InputError, match="one grey plane"):
        plane_info(tmp_path / "a.tif")


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_truncated_file_is_found_without_decoding_wherever_it_is_cut(tmp_path: Path, suffix: str) -> None:
    path = save(noise(3, 64, 64), tmp_path / f"a{suffix}")
    whole = path.read_bytes()
    for length in np.linspace(1, len(whole) - 13, 40).astype(int):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=re.escape(str(path))):
            plane_info(path)


def test_a_png_with_spoilt_pixels_is_told(tmp_path: Path) -> None:
    path = save(noise(3, 64, 64), tmp_path / "a.png")
    content = bytearray(path.read_bytes())
    content[600:640] = bytes(40)
    path.write_bytes(bytes(content))
    plane_info(path)
    with pytest.raises(InputError, match="damaged or cut short"):
        read_plane(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "is missing"), (b"", "is empty"), (b"hello, world" * 9, "PNG or TIFF"), (b"II*\0" + bytes(40), "damaged")],
)
def test_missing_empty_and_foreign_files(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "a.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_plane(path)


def test_a_folder_where_a_file_is_due(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be opened"):
        plane_info(tmp_path)


def test_a_field_keeps_order_depth_and_shape(tmp_path: Path) -> None:
    planes = [noise(k, 20, 32, np.uint16) for k in range(4)]
    paths = {channel: save(plane, tmp_path / f"{channel}.png") for channel, plane in zip(CHANNELS, planes, strict=True)}
    paths = {channel: paths[channel] for channel in ("blue", "red")}
    field = read_field("a", paths, None)
    assert field.channels == ("blue", "red")
    np.testing.assert_array_equal(field.pixels, np.stack([planes[2], planes[0]]))
    assert field.pixel_um == pytest.approx(163.84 / 32)
    assert read_field("a", paths, 0.1).pixel_um == 0.1


@pytest.mark.parametrize("other", [noise(1, 24, 31), noise(1, 24, 32, np.uint16)], ids=["size", "depth"])
def test_channels_that_differ_are_refused(tmp_path: Path, other: np.ndarray) -> None:
    paths = {"red": save(noise(0, 24, 32), tmp_path / "r.png"), "green": save(other, tmp_path / "g.png")}
    with pytest.raises(InputError, match="a7: the channels differ"):
        read_field("a7", paths, None)


def test_equal_channels_do_not_differ() -> None:
    assert difference_of({"red": PlaneInfo(3, 4, 8), "green": PlaneInfo(3, 4, 8)}) is None


def test_real_planes(samples: Path) -> None:
    assert plane_info(samples / "hpa_rgby/fov/383_D2_1_blue.png") == PlaneInfo(2048, 2048, 8)
    path = next((samples / "cellpainting/jump_BR00117006_A01_f01").glob("*ch5*.tiff"))
    assert plane_info(path) == PlaneInfo(1080, 1080, 16)
    assert int(read_plane(path).max()) == 65535
