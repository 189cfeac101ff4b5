import cv2
import numpy as np
import pytest
import tifffile

from hpa.core.errors import DataError, InputError
from hpa.formats.calibrated_tiff import write_plane
from hpa.formats.folder_images import FolderImages
from hpa.intake.finding import find_images
from hpa.intake.importing import ImportSettings, import_images
from hpa.sources.typed_images import TypedImages

COLOURS = {"w1": "blue", "w2": "green"}
RNG = np.random.default_rng(1)


def brought(folder, out, pattern=None, colours=COLOURS, pixel_um=0.5):
    found = find_images(folder, pattern, colours)
    return import_images(found, out, ImportSettings(colours, pixel_um), lambda: None)[0]


def write_pairs(folder, names, shape=(16, 24)):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        for channel in COLOURS:
            pixels = RNG.integers(0, 60000, shape).astype(np.uint16)
            tifffile.imwrite(folder / f"{name}_{channel}.tif", pixels)


def test_separate_files_become_images_of_known_type(tmp_path):
    write_pairs(tmp_path / "raw", ["HEK/A1_1", "HEK/A1_2", "Mixed/C1_1", "N2a/B1_1", "N2a/B2_1"])
    (tmp_path / "raw" / "notes.txt").write_text("by hand")
    rows = brought(tmp_path / "raw", tmp_path / "out", "{class}/{well}_{site}_{channel}.tif")
    assert [row.image_id for row in rows] == ["HEK_A1_1", "HEK_A1_2", "Mixed_C1_1", "N2a_B1_1", "N2a_B2_1"]
    source = TypedImages(tmp_path / "out", ["green", "blue"], None, None)
    table = source.table("train").require_usable()
    assert source.table("test").require_usable().image_ids == ["Mixed_C1_1"]
    assert table.frame["group"].tolist() == ["A1", "A1", "B1", "B2"]
    assert table.targets().tolist() == [[1, 0], [1, 0], [0, 1], [0, 1]]
    field = source.read("N2a_B1_1", "train")
    assert np.array_equal(field.plane("blue"), tifffile.imread(tmp_path / "raw" / "N2a" / "B1_1_w1.tif"))
    assert field.pixel_um == 0.5
    images = FolderImages(tmp_path / "out" / "images", ["green", "blue"], None, 0.5)
    assert len(images.image_ids) == 5


def test_suffixes_may_be_in_capitals_whatever_the_pattern_has(tmp_path):
    write_pairs(tmp_path / "raw", ["a"])
    (tmp_path / "raw" / "a_w1.tif").rename(tmp_path / "raw" / "a_w1.TIF")
    assert [row.image_id for row in brought(tmp_path / "raw", tmp_path / "out", "{image}_{channel}.tif")] == ["a"]


def test_names_in_two_unicode_forms_are_distinguished(tmp_path):
    composed, decomposed = "Z\u00fcrich", "Zu\u0308rich"
    write_pairs(tmp_path / "raw", [composed, decomposed])
    (tmp_path / "raw" / f"{composed}_w2.tif").unlink()
    with pytest.raises(DataError, match=r"letters in another Unicode form \('Zu\\u0308rich'\); rename them"):
        brought(tmp_path / "raw", tmp_path / "out", "{image}_{channel}.tif")


@pytest.mark.parametrize("suffix", [".vsi", ".oib", ".ims", ".dv"])
def test_an_import_of_what_is_not_read_names_the_converter(tmp_path, suffix):
    (tmp_path / f"a{suffix}").write_bytes(bytes(600))
    with pytest.raises(
        InputError, match=rf"not read: 1 file \(1 {suffix}\).*save as OME-TIFF with Fiji .* or bfconvert"
    ):
        find_images(tmp_path, None, {"1": "blue"})


def test_what_is_left_out_of_a_file_is_named(tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    large = RNG.integers(0, 255, (64, 64)).astype(np.uint8)
    with tifffile.TiffWriter(raw / "a_w1.tif") as writer:
        writer.write(large, photometric="minisblack", metadata=None)
        writer.write(large[::2, ::2], photometric="minisblack", metadata=None, subfiletype=1)
    found = find_images(raw, None, {"w1": "blue"})
    _, notes = import_images(found, tmp_path / "out", ImportSettings({"w1": "blue"}, 0.5), lambda: None)
    assert [note.reason for note in notes] == ["smaller copies left out: 1"]


def test_files_of_all_channels_are_taken_apart(tmp_path):
    (tmp_path / "raw").mkdir()
    pixels = RNG.integers(0, 255, (3, 16, 24)).astype(np.uint8)
    told = {"axes": "CYX", "Channel": {"Name": ["DAPI", "Phase", "FITC"]}, "PhysicalSizeX": 0.65}
    tifffile.imwrite(tmp_path / "raw" / "Mixed_0011.ome.tif", pixels, metadata=told)
    rows = brought(tmp_path / "raw", tmp_path / "out", None, {"DAPI": "blue", "3": "green"}, None)
    assert rows[0].pixel_um == 0.65
    with tifffile.TiffFile(tmp_path / "out" / "images" / f"{rows[0].image_id}_green.tif") as tiff:
        assert np.array_equal(tiff.asarray(), pixels[2])
        assert tiff.pages.first.get_resolution("MICROMETER")[0] == pytest.approx(1 / 0.65)


def test_all_problems_are_named_before_anything_is_written(tmp_path):
    raw = tmp_path / "raw"
    write_pairs(raw, ["a", "b", "c", "d", "e", "f"])
    (raw / "a_w2.tif").unlink()
    tifffile.imwrite(raw / "b_w2.tif", np.zeros((16, 25), np.uint16))
    tifffile.imwrite(raw / "c_w2.tif", np.zeros((16, 24), np.uint8))
    tifffile.imwrite(raw / "d_w2.tif", np.zeros((16, 24, 3), np.uint8))
    (raw / "e_w1.tif").write_bytes(b"II*\0")
    cv2.imwrite(str(raw / "f_w1.png"), np.zeros((16, 24), np.uint8))
    (raw / "g_w1.czi").write_bytes(b"ZISRAWFILE")
    (raw / "g_w2.czi").write_bytes(b"ZISRAWFILE")
    (raw / "h_w2.gif").write_bytes(b"GIF89a")
    with pytest.raises(DataError) as error:
        brought(raw, tmp_path / "out")
    text = str(error.value)
    for words in (
        "a: only a_w1.tif is there, no file of channel w2 (green)",
        "b: the channels differ (blue 24×16 px, 16 bit, green 25×16 px, 16 bit)",
        "c: the channels differ",
        "holds 3: red, green, blue; for files of all channels write a --pattern without {channel}",
        "e_w1.tif: the file is damaged",
        "f: f_w1.png and f_w1.tif are the same image",
        "hpa-cells[microscopes]",
    ):
        assert words in text
    assert not (tmp_path / "out").exists()


def test_sizes_that_disagree_require_one(tmp_path):
    (tmp_path / "raw").mkdir()
    for channel, size_um in (("w1", 0.5), ("w2", 0.6)):
        told = {"axes": "YX", "PhysicalSizeX": size_um}
        tifffile.imwrite(tmp_path / "raw" / f"a_{channel}.ome.tif", np.zeros((8, 8), np.uint8), metadata=told)
    with pytest.raises(DataError, match="give --pixel-um"):
        brought(tmp_path / "raw", tmp_path / "out", pixel_um=None)
    assert brought(tmp_path / "raw", tmp_path / "out")[0].pixel_um == 0.5


def test_what_makes_no_sense_is_refused(tmp_path):
    write_pairs(tmp_path / "raw", ["a"])
    with pytest.raises(InputError, match="none of 2 files fits"):
        find_images(tmp_path / "raw", "{well}-{channel}.tif", COLOURS)
    for image in ("B7_01_1_3_DAPI_001", "B7_01_2_3_GFP_001"):
        write_plane(tmp_path / "cytation" / f"{image}.tif", np.zeros((8, 8), np.uint8), 0.5)
    with pytest.raises(InputError, match="named as of cytation, of channels DAPI, GFP: --layout cytation"):
        find_images(tmp_path / "cytation", "{image}_{channel}.png", {"DAPI": "blue", "GFP": "green"})
    with pytest.raises(InputError, match="there is none"):
        find_images(tmp_path / "nowhere", None, COLOURS)
    with pytest.raises(InputError, match="colour of its own"):
        find_images(tmp_path / "raw", None, {"w1": "blue", "w2": "blue"})
    with pytest.raises(InputError, match="new or empty"):
        brought(tmp_path / "raw", tmp_path / "raw")
    with pytest.raises(DataError, match="has no channel DAPI; it holds 1: 1"):
        brought(tmp_path / "raw", tmp_path / "out", "{image}.tif", {"DAPI": "blue"})
