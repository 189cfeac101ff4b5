import re
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from hpa.core.errors import InputError
from hpa.formats import proprietary
from hpa.formats.image_header import PlaneInfo, StackChoice
from hpa.formats.images import difference_of, inspect_image, plane_info, read_field, read_image, read_plane
from tests.formats.microscope_writers import ome_set, palette_tiff, plane, zarr_image
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
        (np.zeros((4, 8, 9), np.uint8), "minisblack"),
    ],
    ids=["rgb", "float", "pages"],
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


def test_a_png_with_spoilt_pixels_is_reported(tmp_path: Path) -> None:
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


def test_each_file_of_a_set_of_positions_gives_its_own_pixels(tmp_path):
    ome_set(tmp_path, ["p0.ome.tif", "p1.ome.tif"], [[(0, 0), (0, 1)], [(1, 0), (1, 1)]])
    for file in (0, 1):
        image = read_image(tmp_path / f"p{file}.ome.tif")
        assert np.array_equal(image.planes, np.stack([plane(10 * file), plane(10 * file + 1)]))
        assert image.names == ("c0", "c1")
        assert image.scene.name == f"pos{file}"


@pytest.mark.parametrize("uuids", [True, False])
def test_a_channel_file_of_a_set_gives_its_own_plane_and_no_zeros(tmp_path, uuids):
    ome_set(tmp_path, ["w1.ome.tif", "w2.ome.tif"], [[(0, 0), (1, 0)]], uuids=uuids)
    for file in (0, 1):
        path = tmp_path / f"w{file + 1}.ome.tif"
        assert np.array_equal(read_plane(path), plane(10 * file))
        with pytest.raises(InputError, match="belongs to a set of 2 files"):
            read_image(path)
    (tmp_path / "w2.ome.tif").unlink()
    with pytest.raises(InputError, match=r"of which w2\.ome\.tif is missing"):
        read_image(tmp_path / "w1.ome.tif")


def test_a_set_of_one_file_may_be_renamed(tmp_path):
    ome_set(tmp_path, ["a.ome.tif"], [[(0, 0), (0, 1)]])
    (tmp_path / "a.ome.tif").rename(tmp_path / "b.tif")
    assert len(read_image(tmp_path / "b.tif").planes) == 2


def test_xml_in_a_companion_file_is_found_or_named(tmp_path):
    ome_set(tmp_path, ["a.ome.tif", "b.ome.tif"], [[(0, 0), (1, 0)]])
    xml = tifffile.tiffcomment(tmp_path / "a.ome.tif")
    own = "urn:uuid:00000000-0000-0000-0000-000000000001"
    pointer = f'<OME UUID="{own}"><BinaryOnly MetadataFile="set.companion.ome" UUID="urn:uuid:9"/></OME>'
    xmlns = 'xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"'
    pointer = f'<?xml version="1.0"?>{pointer.replace("<OME", f"<OME {xmlns}", 1)}'
    tifffile.imwrite(tmp_path / "b.ome.tif", plane(10), description=pointer, metadata=None)
    with pytest.raises(InputError, match=r"is in set\.companion\.ome, which is missing"):
        read_plane(tmp_path / "b.ome.tif")
    (tmp_path / "set.companion.ome").write_text(xml)
    assert np.array_equal(read_plane(tmp_path / "b.ome.tif"), plane(10))


def test_pages_that_the_xml_lists_and_the_file_lacks_are_an_error(tmp_path):
    ome_set(tmp_path, ["a.ome.tif"], [[(0, 0), (0, 1)]])
    xml = tifffile.tiffcomment(tmp_path / "a.ome.tif")
    tifffile.imwrite(tmp_path / "a.ome.tif", plane(0), description=xml, metadata=None)
    with pytest.raises(InputError, match="lists 2 pages, the file has 1"):
        read_image(tmp_path / "a.ome.tif")


@pytest.mark.parametrize(("axes", "choice"), [("ZYX", {"z": "max"}), ("TYX", {"t": 2})])
def test_stacks_are_refused_or_reduced_by_choice(tmp_path, axes, choice):
    stack = np.stack([plane(seed) for seed in range(3)])
    tifffile.imwrite(tmp_path / "a.tif", stack, imagej=True, metadata={"axes": axes})
    with pytest.raises(InputError, match=f"3 along {axes[0]}; choose with --{axes[0].lower()}"):
        read_image(tmp_path / "a.tif")
    image = read_image(tmp_path / "a.tif", StackChoice.of(**choice))
    assert np.array_equal(image.planes, (stack.max(0) if axes == "ZYX" else stack[1])[None])
    with pytest.raises(InputError, match="there is no"):
        read_image(tmp_path / "a.tif", StackChoice.of(**dict.fromkeys(choice, 9)))


@pytest.mark.parametrize("kind", ["ome.tif", "imagej", "zarr"])
def test_slices_times_and_channels_are_distinguished_by_the_axes_of_the_file(tmp_path, kind):
    values = np.arange(2 * 3 * 4, dtype=np.uint16).reshape(2, 3, 4)  # time, slice, channel
    pixels = np.broadcast_to(values[..., None, None], (2, 3, 4, 8, 9)).copy()
    path = tmp_path / ("a.zarr" if kind == "zarr" else f"a.{kind}")
    if kind == "zarr":
        zarr_image(path, pixels, "tzcyx")
    elif kind == "imagej":
        path = tmp_path / "a.tif"
        tifffile.imwrite(path, pixels, imagej=True, metadata={"axes": "TZCYX"})
    else:
        tifffile.imwrite(path, pixels, metadata={"axes": "TZCYX"}, photometric="minisblack")
    for z, expected in (("max", 2), ("middle", 1), (1, 0), ("3", 2)):
        planes = read_image(path, StackChoice.of(z=z, t=2)).planes
        assert planes.shape == (4, 8, 9)
        assert planes[:, 0, 0].tolist() == values[1, expected].tolist()


def test_every_scene_can_be_read_and_none_is_dropped_in_silence(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.ome.tif") as tiff:
        for seed in (1, 2):
            tiff.write(plane(seed), photometric="minisblack", metadata={"axes": "YX"})
    with pytest.raises(InputError, match=r"2 scenes .* 1 would be left out"):
        read_image(tmp_path / "a.ome.tif")
    assert np.array_equal(read_image(tmp_path / "a.ome.tif", StackChoice.of(scene=2)).planes[0], plane(2))


def test_samples_are_what_the_photometric_tag_says(tmp_path):
    grey = plane(3, dtype=np.uint8)
    colour = np.dstack([grey, grey // 2, grey // 3])
    tifffile.imwrite(tmp_path / "white.tif", 255 - grey, photometric="miniswhite")
    assert np.array_equal(read_image(tmp_path / "white.tif").planes[0], grey)
    assert np.array_equal(read_plane(tmp_path / "white.tif"), grey)
    tifffile.imwrite(tmp_path / "planar.tif", np.moveaxis(colour, -1, 0), photometric="rgb", planarconfig="separate")
    assert np.array_equal(read_image(tmp_path / "planar.tif").planes, np.moveaxis(colour, -1, 0))
    Image.fromarray(grey).convert("LA").save(tmp_path / "alpha.tif")
    alpha = read_image(tmp_path / "alpha.tif")
    assert np.array_equal(alpha.planes, grey[None])
    assert alpha.scene.notes == ("alpha left out",)
    Image.fromarray(colour).convert("CMYK").save(tmp_path / "inks.tif")
    with pytest.raises(InputError, match=r"CMYK \(inks\), no intensities"):
        read_image(tmp_path / "inks.tif")


@pytest.mark.parametrize("suffix", ["tif", "png"])
def test_a_palette_is_applied(tmp_path, suffix):
    places = plane(4, dtype=np.uint8)
    palette_tiff(tmp_path / f"a.{suffix}", places)
    colours = np.random.default_rng(0).permutation(256).astype(np.uint8)
    image = read_image(tmp_path / f"a.{suffix}")
    assert image.names == ("red", "green", "blue")
    assert all(np.array_equal(one, colours[places]) for one in image.planes)


def test_a_lookup_table_that_only_tints_is_not_applied(tmp_path):
    places = plane(5, dtype=np.uint8)
    green = np.zeros((3, 256), np.uint16)
    green[1] = np.arange(256) * 257
    tifffile.imwrite(tmp_path / "a.tif", places, photometric="palette", colormap=green)
    assert np.array_equal(read_plane(tmp_path / "a.tif"), places)


def test_transparency_of_a_16_bit_png_is_left_out(tmp_path):
    pixels = np.dstack([plane(seed) for seed in range(4)])
    cv2.imwrite(str(tmp_path / "a.png"), pixels)
    assert np.array_equal(read_image(tmp_path / "a.png").planes, np.moveaxis(pixels[..., 2::-1], -1, 0))


@pytest.mark.parametrize("compression", ["lzw", "zstd", "jpeg2000", "zlib", "packbits"])
def test_compressions_of_tiff(tmp_path, compression):
    pytest.importorskip("imagecodecs")
    tifffile.imwrite(tmp_path / "a.tif", plane(6), photometric="minisblack", compression=compression)
    assert np.array_equal(read_plane(tmp_path / "a.tif"), plane(6))


def test_without_the_codecs_the_package_is_named(tmp_path, monkeypatch):
    pytest.importorskip("imagecodecs")
    tifffile.imwrite(tmp_path / "a.tif", plane(6), photometric="minisblack", compression="lzw")
    for error in (KeyError("requires the 'imagecodecs' package"), ModuleNotFoundError("No module named 'compression'")):

        class Missing(dict):
            def __getitem__(self, key, error=error):
                raise error

        monkeypatch.setattr(tifffile.TIFF, "DECOMPRESSORS", Missing())
        with pytest.raises(InputError, match=r"needs the package imagecodecs.*hpa-cells\[codecs\]"):
            plane_info(tmp_path / "a.tif")


@pytest.mark.parametrize("start", proprietary.STARTS, ids=lambda start: proprietary.STARTS[start].split()[1])
def test_files_of_makers_are_known_by_their_first_bytes(tmp_path, start):
    path = tmp_path / "a.tif"
    path.write_bytes(start + bytes(600))
    told = (
        f"holds {re.escape(proprietary.STARTS[start])}, whatever its name; save as OME-TIFF with Fiji .* or bfconvert"
    )
    with pytest.raises(InputError, match=told):
        inspect_image(path)


def test_twelve_bits_in_sixteen_are_stretched_where_header_or_user_say_so(tmp_path):
    levels = np.array([[0, 1, 2048, 4095]], np.uint16)
    full = [[0, 16, 32776, 65535]]
    told = {"axes": "YX", "SignificantBits": 12}
    tifffile.imwrite(tmp_path / "a.ome.tif", levels, metadata=told)
    assert read_plane(tmp_path / "a.ome.tif").tolist() == full
    tifffile.imwrite(tmp_path / "b.tif", levels, extratags=[(281, "H", 1, 4095, True)])
    assert read_plane(tmp_path / "b.tif").tolist() == full
    tifffile.imwrite(tmp_path / "c.tif", levels)
    assert read_plane(tmp_path / "c.tif").tolist() == levels.tolist()
    assert read_plane(tmp_path / "c.tif", bits=12).tolist() == full
    Image.fromarray(levels).save(tmp_path / "d.png")
    content = (tmp_path / "d.png").read_bytes()
    chunk = b"sBIT" + bytes([12])
    significant = (1).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    (tmp_path / "d.png").write_bytes(content[:33] + significant + content[33:])
    assert read_plane(tmp_path / "d.png").tolist() == full


@pytest.mark.parametrize("fill", [0, 15], ids=["zeros", "repeated bits"])
def test_levels_that_a_png_has_scaled_already_are_not_stretched_again(tmp_path, fill):
    levels = np.array([[0, 1, 2048, 4095]], np.uint16)
    Image.fromarray((levels << 4) | (levels >> 8 if fill else 0)).save(tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    chunk = b"sBIT" + bytes([12])
    significant = (1).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    (tmp_path / "a.png").write_bytes(content[:33] + significant + content[33:])
    assert read_plane(tmp_path / "a.png").tolist() == [[0, 16, 32776, 65535]]


def test_levels_of_a_png_that_fit_its_bits_are_left_though_all_are_multiples_of_16(tmp_path):
    Image.fromarray(np.array([[0, 16, 4080]], np.uint16)).save(tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    chunk = b"sBIT" + bytes([12])
    significant = (1).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    (tmp_path / "a.png").write_bytes(content[:33] + significant + content[33:])
    assert read_plane(tmp_path / "a.png", bits=16).tolist() == [[0, 16, 4080]]


def test_levels_beyond_the_bits_that_are_given_are_never_cut_off(tmp_path):
    levels = np.array([[0, 1, 2048, 4096]], np.uint16)
    tifffile.imwrite(tmp_path / "a.ome.tif", levels, metadata={"axes": "YX", "SignificantBits": 12})
    with pytest.raises(InputError, match=r"levels of 12 bit .* up to 4095; they go up to 4096\. --bits 16"):
        read_plane(tmp_path / "a.ome.tif")
    assert read_plane(tmp_path / "a.ome.tif", bits=16).tolist() == levels.tolist()


@pytest.mark.parametrize("suffix", [".png", ".tif", ".zarr"])
def test_a_header_beyond_the_limit_is_refused_before_anything_is_allocated(tmp_path, suffix, monkeypatch):
    pixels = np.zeros((64, 64), np.uint8)
    path = tmp_path / f"a{suffix}"
    if suffix == ".zarr":
        zarr_image(path, pixels, "yx")
    else:
        save(pixels, path)
    monkeypatch.setenv("HPA_MAX_PIXELS", "4095")
    with pytest.raises(InputError, match=r"4,096 pixels .* the limit is 4,095; crop it, or set HPA_MAX_PIXELS=4096"):
        read_image(path)
    monkeypatch.setenv("HPA_MAX_PIXELS", "4096")
    assert read_image(path).planes.shape == (1, 64, 64)


def test_a_tiff_bomb_takes_no_memory(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, shape=(24_000, 24_000), dtype=np.uint8, compression="zlib", tile=(4096, 4096), bigtiff=True,
                     data=(np.zeros((4096, 4096), np.uint8) for _ in range(36)))  # fmt: skip
    with pytest.raises(InputError, match=r"576,000,000 pixels .* the limit is 536,870,912"):
        read_plane(path)


@pytest.mark.parametrize("words", [{"z": "min"}, {"t": "max"}, {"scene": 0}, {"bits": 17}, {"bits": "all"}])
def test_choices_that_make_no_sense_are_refused(words):
    with pytest.raises(InputError, match="is expected"):
        StackChoice.of(**words)


def animated(path: Path, count: int) -> Path:
    """Write an animated PNG."""
    frames = [Image.fromarray(noise(number)) for number in range(count)]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    return path


def test_an_animation_is_refused_not_cut_to_its_first_picture(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.png: an animation of 3 pictures; save the one that is wanted"):
        inspect_image(animated(tmp_path / "a.png", 3))
    np.testing.assert_array_equal(read_plane(animated(tmp_path / "b.png", 1)), noise(0))


@pytest.mark.parametrize("subfiletype", [0, 1])
def test_a_smaller_page_is_named_as_what_its_header_says(tmp_path: Path, subfiletype: int) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        tiff.write(noise(0, 64, 96), photometric="minisblack", metadata=None)
        tiff.write(noise(1, 32, 48), photometric="minisblack", metadata=None, subfiletype=subfiletype)
    said = "smaller copies left out: 1"
    guessed = "smaller pages (48×32 px) are taken for copies and left out, their header does not say"
    assert inspect_image(tmp_path / "a.tif").notes == (said if subfiletype else guessed,)
