import json
import os
import shlex
import shutil
from importlib.util import find_spec

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from hpa.cli import main
from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.formats.calibrated_tiff import write_plane
from hpa.formats.folder_images import FolderImages
from hpa.formats.image_header import StackChoice
from hpa.formats.label_maps import read_label_map
from hpa.intake.doctor import examine
from hpa.reports.channel_sheet import channel_sheet
from hpa.simulation.two_cell_types import write_two_cell_types
from tests.discs import write_discs
from tests.formats.microscope_writers import ome_set, palette_tiff, plane, zarr_image
from tests.small_sets import blobs

AS_IS = StackChoice()


def many_kinds(folder):
    """Write a file of each of 60 kinds, and return what must become of each: the status, and words of its line."""
    folder.mkdir()
    grey, deep = plane(0, dtype=np.uint8), plane(1)
    colour = np.dstack([grey, grey // 2, grey // 3])
    stack = np.stack([deep, deep // 2, deep // 3])
    expected = {}

    def tiff(name, pixels, status, words, **options):
        tifffile.imwrite(folder / name, pixels, **options)
        expected[name] = (status, words)

    def file(name, content, status, words):
        (folder / name).write_bytes(content)
        expected[name] = (status, words)

    def png(name, image, status, words):
        image.save(folder / name)
        expected[name] = (status, words)

    tiff("grey8.tif", grey, "read", "TIFF, YX, 32×24 px, 8 bit")
    tiff("grey16.TIF", deep, "read", "16 bit")
    tiff("lzw.tif", deep, "read", "16 bit", compression="lzw")
    tiff("zstd.tif", deep, "read", "16 bit", compression="zstd")
    tiff("jpeg2000.tif", deep, "read", "16 bit", compression="jpeg2000")
    tiff("deflate.tiff", deep, "read", "16 bit", compression="zlib")
    tiff("tiles.tif", plane(2, 64, 64), "read", "64×64 px", tile=(16, 16))
    tiff("bigtiff.btf", deep, "read", "16 bit", bigtiff=True)
    tiff("motorola.tif", deep, "read", "16 bit", byteorder=">")
    tiff("white_is_zero.tif", grey, "read", "8 bit", photometric="miniswhite")
    tiff("rgb.tif", colour, "read", "RGB, 8 bit", photometric="rgb")
    tiff("planar.tif", np.moveaxis(colour, -1, 0), "read", "RGB, 8 bit", photometric="rgb", planarconfig="separate")
    tiff(
        "rgba.tif", np.dstack([colour, grey]), "read", "alpha left out", photometric="rgb", extrasamples=["unassalpha"]
    )
    tiff("print.tif", grey, "read", "pixel size unknown", resolution=(600, 600), resolutionunit="INCH")
    tiff("calibrated.tif", grey, "read", "0.5 µm", resolution=(20000, 20000), resolutionunit="CENTIMETER")
    tiff(
        "imagej.tif",
        stack[:2],
        "read",
        "0.25 µm",
        imagej=True,
        resolution=(4, 4),
        metadata={"axes": "CYX", "unit": "um"},
    )
    tiff("bits12.ome.tif", deep // 16, "read", "16 bit, 12 used", metadata={"axes": "YX", "SignificantBits": 12})
    tiff(
        "channels.ome.tif",
        stack,
        "read",
        "channels DAPI, GFP, Cy5",
        metadata={"axes": "CYX", "Channel": {"Name": ["DAPI", "GFP", "Cy5"]}, "PhysicalSizeX": 0.3},
        photometric="minisblack",
    )
    tiff("z.tif", stack, "refused", "3 along Z", imagej=True, metadata={"axes": "ZYX"})
    tiff("t.ome.tif", stack, "refused", "3 along T", metadata={"axes": "TYX"}, photometric="minisblack")
    tiff(
        "pages.tif", np.zeros((20, 8, 8), np.uint8), "refused", "20 pages of unknown meaning", photometric="minisblack"
    )
    tiff("float.tif", deep.astype(np.float32), "refused", "float32")
    tiff("uint32.tif", deep.astype(np.uint32), "refused", "uint32")
    tiff("signed.tif", (deep // 4).astype(np.int16), "refused", "int16")
    with tifffile.TiffWriter(folder / "scenes.ome.tif") as writer:
        for number in (0, 1):
            writer.write(stack[number], photometric="minisblack", metadata={"axes": "YX"})
    expected["scenes.ome.tif"] = ("refused", "2 scenes")
    ome_set(folder, ["lost_w1.ome.tif", "lost_w2.ome.tif"], [[(0, 0), (1, 0)]])
    (folder / "lost_w2.ome.tif").unlink()
    expected["lost_w1.ome.tif"] = ("refused", "lost_w2.ome.tif is missing")
    ome_set(folder, ["pos0.ome.tif", "pos1.ome.tif"], [[(0, 0)], [(1, 0)]])
    expected |= dict.fromkeys(("pos0.ome.tif", "pos1.ome.tif"), ("read", "OME-TIFF"))
    palette_tiff(folder / "palette.tif", grey)
    expected["palette.tif"] = ("read", "palette applied")
    png("inks.tif", Image.fromarray(colour).convert("CMYK"), "refused", "CMYK (inks)")
    png("grey.png", Image.fromarray(grey), "read", "PNG, YX, 32×24 px, 8 bit")
    png("colour.PNG", Image.fromarray(colour), "read", "RGB, 8 bit")
    png("bilevel.png", Image.fromarray(grey).convert("1"), "refused", "1 bit")
    zarr_image(folder / "image.zarr", stack[:2], "cyx")
    expected["image.zarr"] = ("read", "OME-Zarr 0.4, C2 YX")
    zarr_image(folder / "stack.zarr", stack, "zyx", "0.5")
    expected["stack.zarr"] = ("refused", "3 along Z")
    whole = (folder / "grey16.TIF").read_bytes()
    file("torn.tif", whole[: len(whole) // 2], "refused", "damaged or cut short")
    file("empty.tif", b"", "refused", "is empty")
    file("text.tif", b"not an image", "refused", "it begins with")
    file("renamed.png", b"\xff\xd8\xff\xe0", "refused", "holds a JPEG picture, whatever its name")
    file("page.tif", b"<html>404</html>", "refused", "holds a text such as HTML")
    file("photo.jpg", b"\xff\xd8\xff", "passed over", ".jpg is no format")
    file("._grey8.tif", b"\0\5\x16\7", "passed over", "hidden, what macOS keeps")
    file(".DS_Store", b"\0\0\0\1Bud1", "passed over", "hidden")
    file("Thumbs.db", b"\xd0\xcf\x11\xe0", "passed over", ".db is no format")
    file("m.czi", b"ZISRAWFILE", "refused", ".czi")
    for name in ("twice.tif", "twice.png"):
        file(name, (folder / "grey8.tif").read_bytes(), "refused", "the same image or channel as twice.")
    (folder / "lost.tif").symlink_to("nowhere.tif")
    expected["lost.tif"] = ("refused", "the file is missing")
    os.mkfifo(folder / "pipe.tif")
    expected["pipe.tif"] = ("passed over", "no file (a pipe")
    (folder / "folder.tif").mkdir()
    tiff("folder.tif/below.tif", grey, "passed over", "in a folder below")
    expected["folder.tif"] = ("passed over", "a folder by the name of a file")
    tiff("rotated.tif", grey, "read", "orientation 6 of its header is not applied", extratags=[(274, "H", 1, 6, True)])
    tiff(
        "oblong.ome.tif", deep, "read", "pixels of 0.3 × 0.6 µm", metadata={"PhysicalSizeX": 0.3, "PhysicalSizeY": 0.6}
    )
    tiff("bilevel.tif", grey > 128, "refused", "bool", photometric="minisblack")
    tiff("packed12.tif", deep >> 4, "read", "16 bit, 12 used", bitspersample=12)
    tiff("packbits.tif", grey, "read", "8 bit", compression="packbits")
    with tifffile.TiffWriter(folder / "pyramid.tif") as writer:
        large = plane(3, 128, 128)
        writer.write(large, photometric="minisblack", metadata=None, tile=(32, 32))
        writer.write(large[::2, ::2], photometric="minisblack", metadata=None, tile=(32, 32), subfiletype=1)
    expected["pyramid.tif"] = ("read", "smaller copies left out: 1")
    png("grey_alpha.png", Image.fromarray(np.dstack([grey, grey]), "LA"), "read", "alpha left out")
    file("notes.txt", b"by hand", "passed over", ".txt is no format")
    file("plate.csv", b"well,class\n", "passed over", "a table")
    file("no_suffix", b"", "passed over", "no suffix is no format")
    return expected


def test_a_folder_of_sixty_kinds_gives_one_table(tmp_path, capsys):
    pytest.importorskip("imagecodecs")
    expected = many_kinds(tmp_path / "kinds")
    assert len(expected) >= 60
    picture = ["--picture", str(tmp_path / "first.png")]
    assert main(["doctor", str(tmp_path / "kinds"), *picture]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name, (status, words) in expected.items():
        [line] = [line for line in lines if line[len(status) :].split()[:1] == [name] and line.startswith(status)]
        assert words in line, line
    assert cv2.imread(str(tmp_path / "first.png")) is not None
    assert main(["doctor", str(tmp_path / "kinds"), *picture, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {file["name"]: file["status"] for file in report["files"]} == {
        name: status for name, (status, _) in expected.items()
    }
    assert sum(report["counts"].values()) == len(expected)
    assert report["picture"].endswith("first.png")
    # what the table says is what hpa segment does
    words = ["segmenter=watershed_nuclei", "segmenter.nucleus_channel=blue", "--pixel-um", "0.5"]
    assert main(["segment", str(tmp_path / "kinds"), str(tmp_path / "maps"), *words]) == 3
    failed = {line.split()[1].rstrip(":") for line in capsys.readouterr().out.splitlines() if line.startswith("failed")}
    without_reader = set() if find_spec("bioio") else {"m"}  # passed over by name there
    refused = {name.rpartition(".")[0] for name, (status, _) in expected.items() if status == "refused"}
    assert refused - without_reader <= failed
    unnamed = {"imagej", "image"}  # two planes without the blue one
    assert failed - refused <= unnamed


@pytest.mark.parametrize("layout", ["kaggle_hpa", "typed_images", "instance_folder"])
def test_data_sets_are_known_and_their_problems_named(tmp_path, layout, capsys):
    root = tmp_path / "set"
    if layout == "instance_folder":
        write_discs(root, 3)
        (root / "labels" / "disc_00.png").unlink()
    elif layout == "typed_images":
        write_two_cell_types(root, images=4, test_images=1, side_px=64, seed=1)
        next((root / "images").glob("HEK*_blue.tif")).unlink()
        shutil.rmtree(root / "labels")
    else:
        for folder in ("train", "test"):
            (root / folder).mkdir(parents=True)
        for name, channel in zip(("red", "green", "blue", "yellow"), blobs(0, 64), strict=True):
            Image.fromarray(channel).save(root / "train" / f"a_{name}.png")
        (root / "train.csv").write_text("ID,Label\na,1\nb,2\n")
    picture = str(tmp_path / "p.png")
    assert main(["doctor", str(root), "--picture", picture]) == 0
    out = capsys.readouterr().out
    assert f"{root}: {layout}; python train.py" in out
    assert "problem  " in out
    assert f"{picture} shows" in out


def test_images_beside_a_workbook_are_listed_and_the_workbook_is_named(tmp_path):
    Image.fromarray(blobs(0, 64)[0]).save(tmp_path / "a.png")
    (tmp_path / "train.xlsx").write_bytes(b"PK")
    report, first = examine(tmp_path, AS_IS)
    assert first is not None
    assert report.images == 1
    assert [warning for warning in report.warnings if "train.xlsx: a workbook is not read" in warning]


def test_files_of_a_microscope_get_the_command_that_imports_them(tmp_path):
    for site in (1, 2):
        for channel in ("w1", "w2"):
            write_plane(tmp_path / "TimePoint_1" / f"P_B02_s{site}_{channel}.tif", plane(site), 0.5)
    report, first = examine(tmp_path, AS_IS)
    assert report.layout == "files of a microscope (imagexpress)"
    assert report.advice.splitlines()[1:3] == [
        f"  hpa segment {tmp_path} OUT --channels w1=COLOUR,w2=COLOUR",
        f"  hpa import {tmp_path} OUT --layout imagexpress --channels w1=COLOUR,w2=COLOUR",
    ]
    assert "COLOUR is blue for the nuclei" in report.advice
    assert first is not None
    assert first.channels == report.channels == ("w1", "w2")
    assert report.images == 2


def test_known_stains_need_no_words_and_masks_beside_them_are_passed_over(tmp_path):
    for name in ("B7_01_1_3_DAPI_001.tif", "B7_01_2_3_GFP_001.tif", "B7_01_1_3_DAPI_001_MaskNuclei.tif"):
        write_plane(tmp_path / name, plane(0), 0.5)
    report, first = examine(tmp_path, AS_IS)
    assert report.advice.splitlines()[1:] == [
        f"  hpa segment {tmp_path} OUT",
        f"  hpa import {tmp_path} OUT --layout cytation --channels DAPI=blue,GFP=green",
    ]
    assert first is not None
    assert first.channels == ("blue", "green")
    assert [file.name for file in report.files if file.status == "passed over"] == ["B7_01_1_3_DAPI_001_MaskNuclei.tif"]


def test_descriptions_of_microscopes_name_channels_and_are_listed(tmp_path):
    for channel in ("w1", "w2"):
        write_plane(tmp_path / f"P1_B02_s1_{channel}.tif", plane(0), 0.5)
    (tmp_path / "P1.HTD").write_text('"WaveName1", "DAPI"\r\n"WaveName2", "FITC"\r\n')
    (tmp_path / "metadata.txt").write_text("by hand")
    report, first = examine(tmp_path, AS_IS)
    assert "--channels w1=blue,w2=green" in report.advice
    assert first is not None
    assert first.channels == ("blue", "green")
    reasons = {file.name: file.reason for file in report.files if file.status == "passed over"}
    assert reasons["P1.HTD"] == "no image, a microscope's description: channel 1 is DAPI, channel 2 is FITC"
    assert reasons["metadata.txt"] == ".txt is no format of images that is read"


def test_a_folder_for_each_channel_gets_the_pattern_that_reads_it(tmp_path, capsys):
    for channel in ("DAPI", "Cy5"):
        for name in ("s1", "s2"):
            write_plane(tmp_path / "raw" / channel / f"{name}.tif", plane(0), 0.5)
    report, _ = examine(tmp_path / "raw", AS_IS)
    assert report.advice.endswith("--pattern '{channel}/{image}.tif' --channels Cy5=COLOUR,DAPI=blue")
    words = shlex.split(report.advice.replace("COLOUR", "red").replace("OUT", str(tmp_path / "set")))[1:]
    assert main(words) == 0
    assert "2 images of red, blue" in capsys.readouterr().out


def test_images_that_lack_a_channel_are_problems_and_masks_are_called_so(tmp_path):
    for name in ("a_DAPI", "a_GFP", "b_DAPI", "b_DAPI_mask"):
        write_plane(tmp_path / f"{name}.tif", plane(0), 0.5)
    report, _ = examine(tmp_path, AS_IS)
    assert report.problems == ["b: there is no file of channel GFP, which other images have; add it"]
    [passed] = [file for file in report.files if file.status == "passed over"]
    assert (passed.name, passed.reason) == ("b_DAPI_mask.tif", "a mask beside its image")
    images = FolderImages(tmp_path, ("blue", "green"), None, None)
    with pytest.raises(InputError, match="no file of channel GFP, which other images have, only of DAPI"):
        images.read("b")


def test_formats_of_makers_are_named_with_what_converts_them(tmp_path, capsys):
    for suffix in ("vsi", "oib", "jpg"):
        (tmp_path / f"a.{suffix}").write_bytes(b"1")
    assert examine(tmp_path, AS_IS)[0].advice == "save its images as OME-TIFF, TIFF or PNG"
    (tmp_path / "a.nd2").write_bytes(b"1")
    assert main(["doctor", str(tmp_path), "--picture", str(tmp_path / "p.png")]) == 1
    out = capsys.readouterr().out
    assert out.count("one of Olympus; save as OME-TIFF with Fiji (Plugins > Bio-Formats) or bfconvert") == 2
    assert "save it as TIFF or PNG" in out
    assert main(["segment", str(tmp_path / "a.vsi"), str(tmp_path / "maps")]) == 1
    assert ".vsi files of Olympus are not read here" in "".join(capsys.readouterr())
    if find_spec("bioio") is None:
        assert 'need an optional reader: pip install "hpa-cells[microscopes]"' in out
        assert main(["segment", str(tmp_path), str(tmp_path / "maps")]) == 1
        assert "(.oib, .vsi: save as OME-TIFF" in capsys.readouterr().err


def test_data_sets_say_of_label_maps_and_of_other_files_what_they_are(tmp_path, capsys):
    root = write_discs(tmp_path / "set", 3)
    label_map = read_label_map(root / "labels" / "disc_00.png")
    (root / "labels" / "disc_00.png").unlink()
    tifffile.imwrite(root / "labels" / "disc_00.ome.tif", label_map.astype(np.uint32))
    (root / "labels" / "disc_01.png").unlink()
    tifffile.imwrite(root / "labels" / "disc_01.tif", label_map[:8].astype(np.float32))
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(root / "images" / "unlisted.png")
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(root / "plate.png")
    assert main(["doctor", str(root), "--picture", str(tmp_path / "p.png"), "--json"]) == 0
    files = {file["name"]: file for file in json.loads(capsys.readouterr().out)["files"]}
    assert (files["labels/disc_00.ome.tif"]["status"], files["labels/disc_00.ome.tif"]["cells"]) == (
        "read",
        label_map.max(),
    )
    assert files["images/disc_00.png"]["status"] == "read"
    assert "they must agree" in files["labels/disc_01.tif"]["reason"]
    assert files["labels/disc_01.tif"]["status"] == "refused"
    assert files["images/unlisted.png"]["reason"] == "no table of the data set names its image"
    assert files["plate.png"]["reason"] == "no part of the data set, whose images are in images"


def test_images_of_other_kinds_are_counted_and_a_bright_background_is_a_warning(tmp_path, capsys):
    folder = tmp_path / "my images"
    folder.mkdir()
    dark = np.random.default_rng(0).integers(0, 40, (32, 40)).astype(np.uint8)
    dark[4:12, 4:12] = 250
    for number in range(3):
        Image.fromarray(dark).save(folder / f"dark{number}.png")
        Image.fromarray(np.dstack([255 - dark] * 3)).save(folder / f"bright{number}.png")
    assert main(["doctor", str(folder), "--picture", str(tmp_path / "p.png")]) == 0
    shown = capsys.readouterr().out
    assert "6 images: 3 of red, green, blue; 3 of grey" in shown
    assert "warning  bright0: bright background" in shown
    assert "warning  dark0" not in shown
    command = next(line for line in shown.splitlines() if "hpa segment" in line)
    assert shlex.split(command)[-3:] == [str(folder), "OUT", "segmenter=watershed_nuclei"]
    words = ["segmenter.cell_channels=[red]", "--pixel-um", "0.5"]
    assert main(["segment", str(folder), str(tmp_path / "out"), *words]) == 0
    shown = capsys.readouterr().out
    assert "warning  3 images (bright0, bright1, bright2): bright background" in shown


def test_channels_that_files_name_by_colours_are_taken_so(tmp_path):
    for image in ("a", "b"):
        for colour in ("blue", "green"):
            write_plane(tmp_path / "my set (2)" / f"{image}_{colour}.tif", plane(0), 0.5)
    report, _ = examine(tmp_path / "my set (2)", AS_IS)
    assert "COLOUR" not in report.advice
    assert f"hpa segment '{tmp_path}/my set (2)' OUT" in report.advice


def test_thumbnails_are_named(tmp_path):
    for name in ("P_B02_s1_w1.TIF", "P_B02_s1_w2.TIF", "P_B02_s1_w1_thumb.TIF"):
        write_plane(tmp_path / name, plane(0), 0.5)
    report, _ = examine(tmp_path, AS_IS)
    assert report.images == 1
    assert {file.name: file.reason for file in report.files if file.status == "passed over"} == {
        "P_B02_s1_w1_thumb.TIF": "a thumbnail"
    }


def test_folders_that_hold_the_same_names_are_images_of_their_own(tmp_path, monkeypatch, capsys):
    for number in (1, 2):
        folder = tmp_path / "set" / f"Position {number}"
        folder.mkdir(parents=True)
        for name in ("DAPI", "GFP"):
            tifffile.imwrite(folder / f"{name}.tif", plane(number))
    monkeypatch.chdir(tmp_path)
    report, _ = examine(tmp_path / "set", AS_IS)
    words = shlex.split(report.advice.replace("OUT", str(tmp_path / "OUT")))
    assert words[-1] == "DAPI=blue,GFP=green"
    assert main(words[1:]) == 0
    assert "2 images of blue, green" in capsys.readouterr().out


def test_the_reason_why_no_image_can_be_read_is_reported_where_each_file_can(tmp_path):
    for z in range(2):
        for channel in range(2):
            tifffile.imwrite(tmp_path / f"a_t01_z{z}_c{channel}.tif", plane(z))
    report, first = examine(tmp_path, AS_IS)
    assert first is None
    assert report.problems == ["a: 2 slices are files of their own; choose with --z max|middle|N."]
    assert examine(tmp_path, StackChoice.of(z="max"))[1] is not None


def test_levels_of_a_camera_of_fewer_bits_are_reported(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", plane(0) // 16)
    report, _ = examine(tmp_path, AS_IS)
    assert "as of a camera of 12 bit; --bits 12" in report.warnings[0]
    assert not examine(tmp_path, StackChoice.of(bits=12))[0].warnings


def test_green_is_green_in_the_picture():
    pixels = np.zeros((3, 40, 60), np.uint8)
    pixels[1, 10:30, 20:40] = 200
    sheet = channel_sheet(Field("a", pixels, ("red", "green", "blue"), 0.5))
    merged, *tiles = np.split(sheet, 4, axis=1)
    shown = [tile[28 + 20, 30].tolist() for tile in tiles]
    assert merged[28 + 20, 30].argmax() == 1
    assert shown[1][1] > 200
    assert sum(shown[0]) == sum(shown[2]) == 0


def test_folders_without_images_say_so(tmp_path, capsys):
    with pytest.raises(InputError, match="the folder is empty"):
        examine(tmp_path, AS_IS)
    (tmp_path / "notes.txt").write_text("x")
    assert main(["doctor", str(tmp_path), "--picture", str(tmp_path / "p.png")]) == 1
    assert "no image could be read" in capsys.readouterr().out
    assert not (tmp_path / "p.png").exists()
