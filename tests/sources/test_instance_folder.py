import os
import shutil

import cv2
import numpy as np
import pytest
import tifffile

from hpa.core.errors import DataError, InputError
from hpa.sources.instance_folder import InstanceFolder
from tests.discs import discs, write_discs


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_discs(tmp_path_factory.mktemp("discs"), 6)


def opened(folder, where=None, channels=("grey",)):
    return InstanceFolder(folder, channels, None, where or {}, "disc")


def test_images_and_instances_are_read_as_written(folder):
    source = opened(folder)
    table = source.table("train").require_usable()
    assert list(table.frame["kind"]) == ["fluorescence", "fluorescence", "colour"] * 2
    picture, label_map = discs(64, 8, 0)
    np.testing.assert_array_equal(source.read("disc_00", "train").plane("grey"), picture)
    instances = source.instances("disc_00")
    np.testing.assert_array_equal(instances.label_map, label_map)
    assert len(instances.classes) == label_map.max()


def test_where_keeps_the_requested_rows(folder):
    assert opened(folder, {"kind": ["colour"]}).table("train").image_ids == ["disc_02", "disc_05"]
    with pytest.raises(InputError, match="no row"):
        opened(folder, {"kind": ["grey"]})
    with pytest.raises(InputError, match="no such column"):
        opened(folder, {"organ": ["lung"]})


def test_without_an_index_all_images_are_listed(folder, tmp_path, caplog):
    (tmp_path / "images").symlink_to(folder / "images")
    (tmp_path / "labels").symlink_to(folder / "labels")
    assert len(opened(tmp_path).table("train")) == 6
    # the recipe of images/ and labels/ names a column that only a set with index.csv can have
    table = opened(tmp_path, {"kind": ["fluorescence"]}).table("train").require_usable()
    assert len(table) == 6
    assert ["all 6 images are used; data.where (kind) selects nothing" in str(one) for one in table.warnings] == [True]
    assert not caplog.records  # whoever trains on the table logs its warnings, once


def test_a_workbook_in_place_of_the_index_is_a_warning(tmp_path):
    write_discs(tmp_path, 2)
    (tmp_path / "index.csv").rename(tmp_path / "index.xlsx")
    table = opened(tmp_path).table("train").require_usable()
    assert len(table) == 2
    assert ["index.xlsx: a workbook is not read" in str(one) for one in table.warnings] == [True]


def test_files_that_are_not_read_are_counted_and_named_before_training(tmp_path):
    write_discs(tmp_path, 2)
    for name in ("notes.txt", "disc_00_thumb.png"):
        (tmp_path / "images" / name).write_bytes((tmp_path / "images" / "disc_00.png").read_bytes())
    table = opened(tmp_path).table("train").require_usable()
    assert len(table) == 2
    assert [one.reason for one in table.warnings] == [
        "passed over, of a format that is not read: 1 file (1 .txt): notes.txt",
        "passed over, thumbnails: 1 file (1 .png): disc_00_thumb.png",
    ]


def test_all_problems_are_named_at_once(tmp_path):
    write_discs(tmp_path, 4)
    (tmp_path / "labels" / "disc_00.png").unlink()
    (tmp_path / "images" / "disc_01.png").write_bytes(b"no picture")
    cv2.imwrite(str(tmp_path / "labels" / "disc_02.png"), np.zeros((8, 8), np.uint16))
    with pytest.raises(DataError) as error:
        opened(tmp_path).table("train").require_usable()
    for name in ("disc_00", "disc_01", "disc_02"):
        assert name in str(error.value)


def test_rows_of_the_index_are_checked_as_everywhere(tmp_path):
    write_discs(tmp_path, 4)
    rows = ["id,pixel_um,row,source", "disc_00,0.5,A,x", "disc_00,0.5,A,x", 'disc_01,"0,5",B,x', "disc_02,-3,C,x"]
    (tmp_path / "index.csv").write_text("\n".join([*rows, "disc_03,0,D,x", ",1,E,x", "d,500,F,x"]) + "\n")
    table = opened(tmp_path).table("train")
    text = "\n".join(map(str, table.problems))
    for words in (
        "disc_00: the id stands in rows 2, 3 of index.csv",
        "index.csv row 4: pixel_um '0,5' is no size in µm above 0; write a decimal point: 0.5",
        "index.csv row 5: pixel_um '-3' is no size",
        "index.csv row 6: pixel_um '0' is no size",
        "index.csv row 7: the ID is blank",
        "index.csv row 8: pixel_um '500' is no side of a pixel in µm, 0.005 to 50; is it in another unit?",
    ):
        assert words in text
    assert table.frame["row"].tolist() == list("AABCDEF")
    assert set(table.frame["index_source"]) == {"x"}


def test_a_stack_in_a_set_is_read_by_choice(tmp_path):
    write_discs(tmp_path, 1)
    picture, _ = discs(64, 8, 0)
    (tmp_path / "images" / "disc_00.png").unlink()
    (tmp_path / "index.csv").unlink()
    stack = np.stack([picture // 2, picture])
    tifffile.imwrite(tmp_path / "images" / "disc_00.tif", stack, imagej=True, metadata={"axes": "ZYX"})
    with pytest.raises(DataError, match=r"2 along Z; choose with --z max\|middle\|N \(data\.z=…\)"):
        opened(tmp_path).table("train").require_usable()
    source = InstanceFolder(tmp_path, ("grey",), None, {}, "disc", z="max")
    np.testing.assert_array_equal(source.read("disc_00", "train").plane("grey"), picture)
    assert source.identity("disc_00", "train") != opened(tmp_path).identity("disc_00", "train")


def test_channels_that_are_files_of_their_own_are_one_image_unless_each_has_labels(tmp_path):
    write_discs(tmp_path, 1)
    (tmp_path / "index.csv").unlink()
    for channel in ("w1", "w2"):
        shutil.copy(tmp_path / "images" / "disc_00.png", tmp_path / "images" / f"disc_00_{channel}.png")
    (tmp_path / "images" / "disc_00.png").unlink()
    source = opened(tmp_path, channels=("nuclei", "cells"))
    assert source.table("train").require_usable().image_ids == ["disc_00"]
    assert source.read("disc_00", "train").channels == ("nuclei", "cells")
    before = source.identity("disc_00", "train")
    (tmp_path / "images" / "disc_00_w2.png").touch()
    assert opened(tmp_path).identity("disc_00", "train") != before
    for channel in ("w1", "w2"):
        shutil.copy(tmp_path / "labels" / "disc_00.png", tmp_path / "labels" / f"disc_00_{channel}.png")
    assert opened(tmp_path).table("train").require_usable().image_ids == ["disc_00_w1", "disc_00_w2"]


def test_another_layout_is_refused(tmp_path):
    with pytest.raises(InputError, match="images/"):
        opened(tmp_path)


@pytest.mark.thorough
def test_the_real_nuclei_are_read_whole(samples):
    source = InstanceFolder(samples / "dsb2018", ("grey",), None, {}, "nucleus")
    table = source.table("train").require_usable()
    assert len(table) == 536
    counts = [len(source.instances(image_id).classes) for image_id in table.image_ids]
    assert sum(counts) == 23328 - sum(table.frame["empty_masks"].astype(int)) or sum(counts) == sum(
        table.frame["n_instances"].astype(int)
    )


def test_another_picture_of_the_same_size_and_time_is_noticed(tmp_path):
    write_discs(tmp_path, 2)
    picture = tmp_path / "images" / "disc_00.png"
    before, status, content = opened(tmp_path).identity("disc_00", "train"), picture.stat(), picture.read_bytes()
    picture.write_bytes(content[:60] + bytes([content[60] ^ 1]) + content[61:])
    os.utime(picture, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert opened(tmp_path).identity("disc_00", "train") != before


def test_a_picture_that_went_away_is_named(tmp_path):
    write_discs(tmp_path, 2)
    source = opened(tmp_path)
    (tmp_path / "images" / "disc_00.png").unlink()
    with pytest.raises(InputError, match=r"disc_00\.png: cannot be read"):
        source.identity("disc_00", "train")
