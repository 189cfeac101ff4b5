"""Windows of files of every layout are what the one reader reads there; only touched tiles are decoded."""

import json
import shutil

import cv2
import numpy as np
import pytest
import tifffile

from hpa.core.errors import InputError
from hpa.core.windows import TileGrid, Window
from hpa.formats.images import read_image
from hpa.formats.windows import ImageWindows

WINDOWS = [Window(0, 0, 1, 1), Window(10, 20, 60, 90), Window(0, 0, 97, 131), Window(96, 130, 97, 131)]


def planes(channels: int = 3, dtype=np.uint16, shape=(97, 131)) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 4000 if dtype == np.uint16 else 256, (channels, *shape)).astype(dtype)


def tiff(path, pixels, **options):
    tifffile.imwrite(path, pixels, **options)
    return path


def zarr_image(path, pixels, chunk=(1, 32, 48), *, fmt=3, compressors="auto"):
    zarr = pytest.importorskip("zarr")
    axes = [{"name": "c", "type": "channel"}, *({"name": a, "type": "space", "unit": "micrometer"} for a in "yx")]
    scales = [{"type": "scale", "scale": [1, 0.5, 0.5]}]
    multiscales = {"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": scales}]}
    version = "0.5" if fmt == 3 else "0.4"
    ome = {"multiscales": [multiscales | ({} if fmt == 3 else {"version": version})]}
    attributes = {"ome": ome | {"version": version}} if fmt == 3 else ome
    group = zarr.create_group(store=str(path), zarr_format=fmt, attributes=attributes)
    array = group.create_array("0", shape=pixels.shape, dtype=pixels.dtype, chunks=chunk, compressors=compressors)
    array[...] = pixels
    return path


LAYOUTS = {
    "tiles": lambda p: tiff(p / "a.tif", planes(), photometric="minisblack", tile=(32, 48), compression="zlib"),
    "large tile": lambda p: tiff(p / "a.tif", planes(1)[0], tile=(256, 256), compression="zlib"),
    "strips": lambda p: tiff(p / "a.tif", planes(), photometric="minisblack", rowsperstrip=7, compression="zlib"),
    "memory": lambda p: tiff(p / "a.tif", planes(), photometric="minisblack"),
    "big endian": lambda p: tiff(p / "a.tif", planes(), photometric="minisblack", byteorder=">"),
    "rgb": lambda p: tiff(p / "a.tif", planes(3, np.uint8).transpose(1, 2, 0), photometric="rgb", tile=(16, 32)),
    "planar rgb": lambda p: tiff(
        p / "a.tif", planes(3, np.uint8), photometric="rgb", planarconfig="separate", tile=(16, 32), compression="zlib"
    ),
    "white is zero": lambda p: tiff(p / "a.tif", planes(1, np.uint8)[0], photometric="miniswhite", tile=(32, 32)),
    "ome": lambda p: tiff(
        p / "a.ome.tif", planes(), photometric="minisblack", tile=(32, 32), metadata={"axes": "CYX"}, compression="zlib"
    ),
    "imagej": lambda p: tiff(p / "a.tif", planes(), imagej=True, metadata={"axes": "CYX"}),
    "zarr 0.5": lambda p: zarr_image(p / "a.zarr", planes()),
    "zarr 0.4": lambda p: zarr_image(p / "a.zarr", planes(), fmt=2),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_windows_are_parts_of_the_image(layout, tmp_path):
    path = LAYOUTS[layout](tmp_path)
    whole = read_image(path).planes
    image = ImageWindows(path)
    for window in WINDOWS:
        np.testing.assert_array_equal(image.read(window), whole[:, *window.slices])
    assert image.has_data(image.whole)
    image.close()


def test_a_png_is_read_whole_and_says_so(tmp_path):
    pixels = planes(1)[0]
    cv2.imwrite(str(tmp_path / "a.png"), pixels)
    image = ImageWindows(tmp_path / "a.png")
    assert "read whole" in image.layout
    np.testing.assert_array_equal(image.read(Window(3, 4, 50, 60))[0], pixels[3:50, 4:60])


def test_a_file_beyond_the_limit_is_read_by_windows(tmp_path, monkeypatch):
    path = LAYOUTS["tiles"](tmp_path)
    monkeypatch.setenv("HPA_MAX_PIXELS", "9000")
    with pytest.raises(InputError, match="HPA_MAX_PIXELS"):
        read_image(path)
    image = ImageWindows(path)
    assert image.read(Window(0, 0, 40, 40)).shape == (3, 40, 40)
    with pytest.raises(InputError, match="HPA_MAX_PIXELS"):
        image.read(image.whole)


def test_a_png_beyond_the_limit_is_refused_before_it_is_taken_for_a_large_image(tmp_path, monkeypatch):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((8, 9), np.uint8))
    monkeypatch.setenv("HPA_MAX_PIXELS", "71")
    with pytest.raises(InputError, match="its header says 72 pixels"):
        ImageWindows(tmp_path / "a.png")


def test_a_tile_beyond_the_limit_is_refused(tmp_path, monkeypatch):
    path = LAYOUTS["large tile"](tmp_path)
    monkeypatch.setenv("HPA_MAX_PIXELS", "9000")
    with pytest.raises(InputError, match="limit"):
        ImageWindows(path)


def test_missing_chunks_are_black_and_known(tmp_path):
    pixels = np.zeros((1, 96, 96), np.uint16)
    pixels[0, :32, :48] = 7
    image = ImageWindows(zarr_image(tmp_path / "a.zarr", pixels))
    assert image.has_data(Window(0, 0, 96, 96))
    assert not image.has_data(Window(32, 0, 96, 96))
    assert not image.read(Window(32, 0, 96, 96)).any()


@pytest.mark.parametrize("content", [b"", b"\x28\xb5\x2f\xfd garbage", None])
def test_a_damaged_chunk_is_no_missing_one(tmp_path, content):
    path = zarr_image(tmp_path / "a.zarr", planes())
    chunk = path / "0" / "c" / "0" / "1" / "1"
    chunk.write_bytes(chunk.read_bytes()[:-9] if content is None else content)
    image = ImageWindows(path)
    image.read(Window(0, 0, 32, 48))
    with pytest.raises(InputError, match="rows 30 to 60, columns 40 to 80"):
        image.read(Window(30, 40, 60, 80))


def test_a_damaged_tile_is_named_by_its_place(tmp_path):
    path = LAYOUTS["tiles"](tmp_path)
    with tifffile.TiffFile(path) as file:
        offset, count = file.pages[0].dataoffsets[4], file.pages[0].databytecounts[4]
    content = bytearray(path.read_bytes())
    content[offset : offset + count] = b"\xff" * count
    path.write_bytes(content)
    image = ImageWindows(path)
    image.read(Window(0, 0, 32, 48))
    with pytest.raises(InputError, match="rows 32 to 64"):
        image.read(Window(32, 48, 64, 96))


def test_a_pyramid_begins_with_its_full_size(tmp_path):
    path = zarr_image(tmp_path / "a.zarr", planes())
    shutil.copytree(path / "0", path / "1")
    metadata = json.loads((path / "1" / "zarr.json").read_text())
    metadata["shape"] = [3, 194, 262]
    (path / "1" / "zarr.json").write_text(json.dumps(metadata))
    group = json.loads((path / "zarr.json").read_text())
    group["attributes"]["ome"]["multiscales"][0]["datasets"].append({"path": "1"})
    (path / "zarr.json").write_text(json.dumps(group))
    with pytest.raises(InputError, match="full size first"):
        ImageWindows(path)


def test_a_tiff_pyramid_begins_with_its_full_size(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(planes(1)[0, :40, :40], subifds=1, tile=(16, 16))
        file.write(planes(1)[0], tile=(16, 16), subfiletype=1)
    with pytest.raises(InputError, match="full size"):
        ImageWindows(tmp_path / "a.tif")


def test_tiles_cover_an_image_once():
    grid = TileGrid(97, 131, 32)
    covered = np.zeros((97, 131), int)
    for number in range(grid.tiles):
        covered[grid.tile(number).slices] += 1
    assert (covered == 1).all()
    window = Window(31, 32, 65, 131)
    touched = [number for number in range(grid.tiles) if grid.tile(number).common(window).area]
    assert list(grid.touching(window)) == touched
