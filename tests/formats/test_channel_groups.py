"""Folders as microscopes write them are read with every channel in its place, whatever names its files."""

import shutil

import numpy as np
import pytest
import tifffile

from hpa.core.errors import InputError
from hpa.formats.channel_groups import recognised_groups
from hpa.formats.folder_images import FolderImages
from hpa.formats.image_header import StackChoice

GUID = "0A1B2C3D-4E5F-6071-8293-A4B5C6D7E8F9"
RAW = {
    "imagexpress": (f"P_{{well}}_s1_w{{n}}{GUID}.TIF", ("w1", "w2")),
    "imagexpress in folders": ("TimePoint_1/P_{well}_s1_w{n}.TIF", ("w1", "w2")),
    "opera": ("{well_row}f04p01-ch{n}sk1fk1fl1.tiff", ("ch1", "ch2")),
    "operetta in folders": ("Images/{well_row}f04p01-ch{n}sk1fk1fl1.tiff", ("ch1", "ch2")),
    "cellvoyager": ("Greiner_#655090_{well}_T0001F003L01A01Z01C0{n}.tif", ("C01", "C02")),
    "leica": ("Project_Series{well}_z00_ch0{n}.tif", ("ch01", "ch02")),
    "zeiss": ("Experiment-{well}_c{n}_ORG.tif", ("c1", "c2")),
    "incucyte": ("{stain}_{well}_1_2021y05m10d_09h30m.tif", ("blue", "green")),
    "cytation": ("{well}_01_{n}_3_{stain}_001.tif", ("blue", "green")),
    "micromanager": ("Pos{well}/img_000000000_{stain}_000.tif", ("blue", "green")),
    "atlas": ("{well}_{colour}.tif", ("blue", "green")),
    "w": ("my dish {well}_w{n}.TIF", ("w1", "w2")),
    "ch": ("{well}-ch{n}.tif", ("ch1", "ch2")),
    "C": ("{well}_C0{n}.tif", ("C01", "C02")),
    "d": ("AS_{well}f00d{n}.tif", ("d1", "d2")),
    "Fiji": ("C{n}-dish {well}.tif", ("C1", "C2")),
    "stain last": ("day1 {well}_{stain}.tif", ("blue", "green")),
    "stain first": ("{stain}-{well}.tif", ("blue", "green")),
}
WELLS = {"B02": "r02c02", "C11": "r03c11"}


def write_raw(folder, pattern):
    """Write two images of two channels, level 10 and 20 in the first one, 30 and 40 in the second one."""
    for number, (well, row) in enumerate(WELLS.items()):
        for n, stain, colour in ((1, "DAPI", "blue"), (2, "GFP", "green")):
            name = pattern.format(well=well, well_row=row, n=n, stain=stain, colour=colour)
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(path, np.full((6, 7), 20 * number + 10 * n, np.uint8))


@pytest.mark.parametrize("case", RAW)
def test_channels_that_are_files_of_their_own_are_one_image(tmp_path, case):
    pattern, channels = RAW[case]
    write_raw(tmp_path, pattern)
    images = FolderImages(tmp_path, (), None, 0.5)
    assert len(images.image_ids) == len(WELLS)
    for number, image_id in enumerate(images.image_ids):
        field = images.read(image_id)
        assert field.channels == channels
        assert field.pixels[:, 0, 0].tolist() == [20 * number + 10, 20 * number + 20]
        assert images.file_of(image_id) is None
        assert len(images.files_of(image_id)) == len(channels)
    assert not images.passed_over


@pytest.mark.parametrize(
    "names",
    [
        ("abc1.tif", "abc2.tif", "abc3.tif"),
        ("site_1.tif", "site_2.tif"),
        ("a.tif", "b_w1.tif", "c.tif"),
        tuple(f"plate_c{column}.tif" for column in range(1, 13)),
        ("B02_w1.tif", "B03_w1.tif"),
    ],
)
def test_other_names_are_images_by_themselves(tmp_path, names):
    for name in names:
        tifffile.imwrite(tmp_path / name, np.zeros((6, 7), np.uint8))
    images = FolderImages(tmp_path, ("blue",), None, 0.5)
    assert images.image_ids == sorted(name.removesuffix(".tif") for name in names)
    assert images.layout == ""


def test_slices_and_times_of_common_names_are_no_images_of_their_own(tmp_path):
    for template in ("a_t01_z{z:02d}_c{c}.tif", "a_z{z:02d}_t01_c{c}.tif"):
        paths = [tmp_path / template.format(z=z, c=c) for z in range(3) for c in range(2)]
        groups = recognised_groups(paths, tmp_path)
        assert groups is not None
        assert {name: sorted(channels) for name, channels in groups.images.items()} == {"a": ["c0", "c1"]}
        assert len(groups.images["a"]["c0"]) == 3


def test_thumbnails_and_other_files_are_counted_and_named(tmp_path):
    write_raw(tmp_path, RAW["imagexpress"][0])
    for name in (f"P_B02_s1_w1_thumb{GUID}.tif", "overview.tif"):
        tifffile.imwrite(tmp_path / name, np.zeros((3, 3), np.uint8))
    (tmp_path / "P.HTD").write_text("plate")
    images = FolderImages(tmp_path, (), None, 0.5)
    assert images.passed_over == {
        "of a format that is not read": ["P.HTD"],
        "thumbnails": [f"P_B02_s1_w1_thumb{GUID}.tif"],
        "of other names": ["overview.tif"],
    }


@pytest.mark.parametrize("names", [{"w1": "blue", "w2": "actin"}, {"1": "blue", "2": "actin"}, ("blue", "actin")])
def test_channels_are_called_as_the_user_says(tmp_path, names):
    write_raw(tmp_path, RAW["w"][0])
    images = FolderImages(tmp_path, (), names, 0.5)
    assert images.read("my dish B02").channels == ("blue", "actin")
    only_one = FolderImages(tmp_path, (), {"w2": "green"}, 0.5)
    assert only_one.read("my dish B02").pixels[:, 0, 0].tolist() == [20]


@pytest.mark.parametrize("names", [{"w3": "blue"}, ("blue", "green", "red")])
def test_names_that_do_not_fit_say_what_would(tmp_path, names):
    write_raw(tmp_path, RAW["w"][0])
    with pytest.raises(InputError, match="w1=blue,w2=green"):
        FolderImages(tmp_path, (), names, 0.5)


def test_slices_that_are_files_of_their_own_are_chosen(tmp_path):
    for z in (1, 2, 3):
        for n in (1, 2):
            path = tmp_path / f"r01c01f01p0{z}-ch{n}sk1fk1fl1.tiff"
            tifffile.imwrite(path, np.full((6, 7), 10 * n + z, np.uint8))
    with pytest.raises(InputError, match=r"3 slices are files of their own; choose with --z max\|middle\|N"):
        FolderImages(tmp_path, (), None, 0.5).read("r01c01_01")
    for z, levels in (("max", [13, 23]), (1, [11, 21])):
        images = FolderImages(tmp_path, (), None, 0.5, choice=StackChoice.of(z=z))
        assert images.read("r01c01_01").pixels[:, 0, 0].tolist() == levels


def test_a_channel_that_one_image_lacks_is_missing_there_alone(tmp_path):
    write_raw(tmp_path, RAW["w"][0])
    (tmp_path / "my dish C11_w1.TIF").unlink()
    images = FolderImages(tmp_path, (), None, 0.5)
    assert images.read("my dish B02").channels == ("w1", "w2")
    assert images.read("my dish C11").channels == ("w2",)


def test_two_files_of_one_channel_are_a_clash(tmp_path):
    write_raw(tmp_path, RAW["w"][0])
    shutil.copy(tmp_path / "my dish B02_w1.TIF", tmp_path / "my dish B02_w1.tiff")
    with pytest.raises(InputError, match="are the same image or channel"):
        FolderImages(tmp_path, (), None, 0.5).read("my dish B02")


def test_real_raw_folders_are_recognised(samples):
    folder = samples / "cellpainting"
    found = {
        name: FolderImages(folder / name, (), None, 0.5)
        for name in ("exampleHuman", "jump_BR00117006_A01_f01", "nf1_schwann", "pediatric_cancer_C03_f03")
    }
    assert {name: (len(images.image_ids), images.own_channels) for name, images in found.items()} == {
        "exampleHuman": (1, ("d0", "d1", "d2")),
        "jump_BR00117006_A01_f01": (1, ("ch2", "ch3", "ch5")),
        "nf1_schwann": (5, ("DAPI", "GFP", "RFP")),
        "pediatric_cancer_C03_f03": (1, ("ch2", "ch3", "ch4", "ch5", "ch6")),
    }
