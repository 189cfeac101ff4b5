from pathlib import PurePath

import numpy as np
import pytest
import tifffile

from hpa.core.errors import DataError, InputError
from hpa.formats.folder_files import describe_passed_over
from hpa.formats.image_header import StackChoice
from hpa.formats.layouts import LAYOUTS, layout_pattern
from hpa.intake.finding import find_images
from hpa.intake.importing import ImportSettings, import_images

GUID = "0A1B2C3D-4E5F-6071-8293-A4B5C6D7E8F9"


@pytest.mark.parametrize(
    ("layout", "path", "image", "channel"),
    [
        ("imagexpress", f"TimePoint_1/Plate7_B02_s3_w2{GUID}.tif", "Plate7_B02_3", "w2"),
        ("imagexpress", "exp 1_H12_s1_w1.TIF", "exp 1_H12_1", "w1"),
        ("imagexpress", f"ZStep_2/P_A01_w1{GUID}.tif", "P_A01", "w1"),
        ("imagexpress", "P_x_A01_s1.tif", "P_x_A01_1", None),
        ("opera", "Images/r02c03f04p01-ch2sk1fk1fl1.tiff", "r02c03_04", "ch2"),
        ("operetta", "r01c12f10p05-ch4sk3fk1fl1.tiff", "r01c12_10", "ch4"),
        ("operetta", "002003-4-001001002.tif", "002003_4", "002"),
        ("cellvoyager", "Greiner_#655090_B02_T0001F003L01A01Z02C01.tif", "Greiner_#655090_B02_003", "C01"),
        ("cellvoyager", "P_C10_T0001F001L01A02Z01C04.png", "P_C10_001", "C04"),
        ("leica", "image--L0--S00--U01--V02--J08--E00--O00--X03--Y04--T0--Z00--C01.ome.tif", "00_01_02_03_04", "C01"),
        ("leica", "Project_Series003_z00_ch01.tif", "Project_Series003", "ch01"),
        ("leica", "Position 2_t1_z12_ch00_SV.tif", "Position 2", "ch00"),
        ("zeiss", "Experiment-12_s3t2z01c2_ORG.tif", "Experiment-12_3", "c2"),
        ("zeiss", "Snap-99_c1.tif", "Snap-99", "c1"),
        ("incucyte", "VID12_Phase_B2_1_2021y05m10d_09h30m.tif", "VID12_B2_1", "Phase"),
        ("incucyte", "Green_A1_4.tif", "A1_4", "Green"),
        ("cytation", "B7_01_2_3_GFP_001.tif", "B7_01_3", "GFP"),
        ("micromanager", "run/Pos2/img_channel001_position002_time000000000_z000.tif", "002", "channel001"),
        ("micromanager", "Pos0/img_000000000_DAPI_000.tif", "Pos0", "DAPI"),
        ("micromanager", "img_000000000_DAPI_000.tif", "img", "DAPI"),
        ("metamorph", "a/exp1_w1DAPI_s2_t3.TIF", "exp1_2", "DAPI"),
        ("metamorph", "my exp_w2sdc GFP.stk", "my exp", "sdc GFP"),
        ("micromanager", "a/run_MMStack_Pos3.ome.tif", "run_Pos3", None),
    ],
)  # fmt: skip
def test_names_of_each_maker_are_read(layout, path, image, channel):
    pattern = layout_pattern(layout)
    parts = pattern.parts_of(PurePath(path))
    assert parts is not None
    assert pattern.name(parts) == image
    assert parts.get("channel") == channel


@pytest.mark.parametrize(
    ("layout", "path"),
    [("imagexpress", "Plate7.HTD"), ("opera", "Index.idx.xml"), ("cellvoyager", "DC_sCMOS #1_CAM1.tif"),
     ("micromanager", "display_and_comments.txt"), ("leica", "image--L0000.xlif"), ("operetta", "notes.tif")],
)  # fmt: skip
def test_other_files_of_the_makers_are_not_images(layout, path):
    assert layout_pattern(layout).parts_of(PurePath(path)) is None


def test_an_unknown_layout_names_the_known():
    with pytest.raises(InputError, match=", ".join(LAYOUTS)):
        layout_pattern("nikon")


def put(path, level, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, np.full((8, 9), level, np.uint8), **options)


def test_thumbnails_and_other_files_are_passed_over_by_name(tmp_path):
    for channel in (1, 2):
        put(tmp_path / f"P_A01_s1_w{channel}{GUID}.tif", channel)
        put(tmp_path / f"P_A01_s1_w{channel}_thumb{GUID}.tif", 99)
    put(tmp_path / f"P_A01_s1_w3{GUID}.tif", 3)
    put(tmp_path / "overview.tif", 0)
    (tmp_path / "P.HTD").write_text("settings")
    found = find_images(tmp_path, None, {"1": "blue", "w2": "green"}, "imagexpress")
    assert {image: sorted(files.files) for image, files in found.images.items()} == {"P_A01_1": ["blue", "green"]}
    assert {reason: len(names) for reason, names in found.passed_over.items()} == {
        "of a format that is not read": 1,
        "thumbnails": 2,
        "of channels that are not wanted": 1,
        "of other names": 1,
    }
    text = "\n".join(describe_passed_over(found.passed_over))
    assert "P.HTD" in text
    assert "overview.tif" in text


def brought(folder, out, colours, layout, **choice):
    taken = StackChoice.of(**choice)
    found = find_images(folder, None, colours, layout, taken)
    import_images(found, out, ImportSettings(colours, 0.5, taken), lambda: None)
    return {path.name: int(tifffile.imread(path)[0, 0]) for path in (out / "images").iterdir()}


def test_slices_and_times_in_file_names_are_chosen_like_those_in_files(tmp_path):
    for z in (1, 2, 3):
        for t in (1, 2):
            put(tmp_path / "raw" / f"r01c01f01p0{z}-ch1sk{t}fk1fl1.tiff", 10 * t + z)
    colours = {"ch1": "blue"}
    with pytest.raises(DataError, match="2 times are files of their own; choose one with --t N"):
        brought(tmp_path / "raw", tmp_path / "out", colours, "opera")
    with pytest.raises(DataError, match=r"3 slices are files of their own; choose with --z max\|middle\|N"):
        brought(tmp_path / "raw", tmp_path / "out", colours, "opera", t=2)
    for number, (z, level) in enumerate((("max", 23), ("middle", 22), (1, 21))):
        written = brought(tmp_path / "raw", tmp_path / f"out{number}", colours, "opera", t=2, z=z)
        assert written == {"r01c01_01_blue.tif": level}
    with pytest.raises(DataError, match="there is no z 4; there are files of 3 slices"):
        brought(tmp_path / "raw", tmp_path / "out", colours, "opera", t=1, z=4)


def test_names_that_differ_by_a_blank_a_dash_or_case_are_never_one_image(tmp_path):
    put(tmp_path / "a" / "dish 1_w1.tif", 1)
    put(tmp_path / "a" / "dish-1_w2.tif", 2)
    found = find_images(tmp_path / "a", None, {"w1": "blue", "w2": "green"})
    assert [(problem.subject, "no file of channel" in problem.reason) for problem in found.problems] == [
        ("dish 1", True),
        ("dish-1", True),
    ]
    for name in ("dish 1", "Dish-1", "dish-2"):
        put(tmp_path / "b" / f"{name}_w1.tif", 1)
    found = find_images(tmp_path / "b", None, {"w1": "blue"})
    assert [str(problem) for problem in found.problems] == [
        "dish 1: 'Dish-1' and 'dish 1' would both be called dish-1; rename the files of one"
    ]
    assert sorted(found.images) == ["Dish-1", "dish-2"]


def test_capital_suffixes_are_images(tmp_path):
    put(tmp_path / "a_w1.TIF", 1)
    put(tmp_path / "a_w2.Tiff", 2)
    assert list(find_images(tmp_path, None, {"w1": "blue", "w2": "green"}).images) == ["a"]


def test_every_scene_becomes_an_image(tmp_path):
    (tmp_path / "raw").mkdir()
    with tifffile.TiffWriter(tmp_path / "raw" / "a.ome.tif") as tiff:
        for level in (5, 6):
            tiff.write(np.full((1, 8, 9), level, np.uint8), photometric="minisblack", metadata={"axes": "CYX"})
    assert brought(tmp_path / "raw", tmp_path / "out", {"1": "blue"}, None, scene="all") == {
        "a.ome_scene1_blue.tif": 5,
        "a.ome_scene2_blue.tif": 6,
    }
