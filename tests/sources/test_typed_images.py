import cv2
import numpy as np
import pandas as pd
import pytest

from hpa.core.errors import DataError, InputError
from hpa.formats.calibrated_tiff import write_plane
from hpa.sources.typed_images import TypedImages
from hpa.sources.typed_listing import TypedRow, pixel_sizes_beside, read_typed_rows, write_typed_rows


def write_folder(folder, rows):
    """Write images of 8 x 12 px and the table that is given."""
    (folder / "images").mkdir(parents=True)
    for number, row in enumerate(rows):
        for channel in ("green", "blue"):
            plane = np.full((8, 12), number, np.uint8)
            write_plane(folder / "images" / f"{row['ID']}_{channel}.tif", plane, 0.5)
    pd.DataFrame(rows).to_csv(folder / "index.csv", index=False)
    return folder


def opened(folder, **changes):
    return TypedImages(folder, **{"channels": ["green", "blue"], "pixel_um": None, "class_names": None} | changes)


ROWS = [
    {"ID": "a", "class": "HEK", "pixel_um": 0.5, "group": "well1", "passage": "4"},
    {"ID": "b", "class": "N2a", "pixel_um": 0.5, "group": "", "passage": "7"},
    {"ID": "c", "class": "", "pixel_um": 0.25, "group": "", "passage": ""},
]


def test_pure_images_train_and_others_test(tmp_path):
    source = opened(write_folder(tmp_path, ROWS))
    train, test = source.table("train").require_usable(), source.table("test").require_usable()
    assert train.image_ids == ["a", "b"]
    assert train.targets().tolist() == [[1, 0], [0, 1]]
    assert train.frame["group"].tolist() == ["well1", "b"]
    assert train.frame["passage"].tolist() == ["4", "7"]
    assert (train.frame["height"] == 8).all()
    assert (train.frame["width"] == 12).all()
    assert test.image_ids == ["c"]
    assert test.targets().tolist() == [[0, 0]]
    field = source.read("c", "test")
    assert field.pixel_um == 0.25
    assert field.channels == ("green", "blue")
    assert source.identity("a", "train") != source.identity("b", "train")


def test_a_given_split_wins(tmp_path):
    splits = zip([*ROWS, {**ROWS[0], "ID": "d"}], ["train", "", "", "test"], strict=True)
    rows = [row | {"split": split} for row, split in splits]
    source = opened(write_folder(tmp_path, rows))
    assert source.table("train").image_ids == ["a", "b"]
    assert source.table("test").image_ids == ["c", "d"]


def test_one_type_alone_is_refused(tmp_path):
    source = opened(write_folder(tmp_path, [ROWS[0], {**ROWS[0], "ID": "d"}, ROWS[2]]))
    with pytest.raises(InputError, match="all 2 images show HEK, but pure images of two types"):
        source.table("train")
    assert source.table("test").image_ids == ["c"]


def test_the_order_of_types_can_be_given(tmp_path):
    folder = write_folder(tmp_path, ROWS)
    assert opened(folder, class_names=["N2a", "HEK"]).table("train").targets().tolist() == [[0, 1], [1, 0]]
    table = opened(folder, class_names=["N2a", "HeLa"]).table("train")
    with pytest.raises(DataError, match="type 'HEK' is none of N2a, HeLa"):
        table.require_usable()


def test_all_problems_are_named_at_once(tmp_path):
    rows = [{**ROWS[number % 2], "ID": name} for number, name in enumerate("abcdefg")]
    rows[6]["pixel_um"] = ""
    folder = write_folder(tmp_path, [*rows, rows[0]])
    (folder / "images" / "b_blue.tif").unlink()
    (folder / "images" / "c_blue.tif").write_bytes(b"broken")
    cv2.imwrite(str(folder / "images" / "d_green.tif"), np.zeros((9, 12), np.uint8))
    cv2.imwrite(str(folder / "images" / "e_green.tif"), np.zeros((8, 12), np.uint16))
    with pytest.raises(DataError) as error:
        opened(folder).table("train").require_usable()
    text = str(error.value)
    for told in (
        "a: the id stands in rows 2, 9",
        "b: no file for blue",
        "c_blue.tif",
        "d: the channels differ",
        "e: the",
    ):
        assert told in text
    assert "1 images (g, …): pixel_um is blank" in text
    with pytest.raises(DataError) as error:
        opened(folder, pixel_um=0.5).table("train").require_usable()
    assert "pixel_um" not in str(error.value)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"channels": []}, "different channels"),
        ({"channels": ["green", "green"]}, "different channels"),
        ({"pixel_um": 0.0}, "above 0"),
        ({"root": "/nowhere"}, r"index\.csv"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path, changes, told):
    folder = write_folder(tmp_path, ROWS)
    with pytest.raises(InputError, match=told):
        opened(**{"folder": folder} | {{"root": "folder"}.get(key, key): value for key, value in changes.items()})


def test_names_of_channels_may_hold_what_separates_them_from_ids(tmp_path):
    folder = write_folder(tmp_path, ROWS)
    for path in list((folder / "images").glob("*_blue.tif")):
        path.rename(path.with_name(path.name.replace("blue", "er_mito")))
    assert opened(folder, channels=["green", "er_mito"]).table("train").require_usable()
    with pytest.raises(InputError, match=r"called <ID>_red; there are er_mito, green: "):
        opened(folder, channels=["er_mito", "red"])


def test_rows_come_back_as_written(tmp_path):
    rows = [TypedRow("a", "HEK", "train", "w1", 0.325), TypedRow("b", "HEK|N2a", "test", "w2", float("nan"))]
    write_typed_rows(tmp_path / "index.csv", rows)
    frame, problems = read_typed_rows(tmp_path / "index.csv")
    assert not problems
    assert frame.loc[0].tolist() == ["a", "HEK", "train", "w1", "0.325"]
    assert frame.loc[1, "pixel_um"] == ""


def test_sizes_of_pixels_are_found_beside_the_images(tmp_path):
    write_folder(tmp_path / "set", [*ROWS[:2], {**ROWS[2], "pixel_um": ""}])
    sizes = {"a": 0.5, "b": 0.5}
    assert pixel_sizes_beside(tmp_path / "set") == pixel_sizes_beside(tmp_path / "set" / "images") == sizes
    assert pixel_sizes_beside(tmp_path) == {}
    (tmp_path / "set" / "index.csv").write_text("id,pixel_um\na,0.5\n")
    assert pixel_sizes_beside(tmp_path / "set") == {}
    (tmp_path / "set" / "index.csv").write_text("ID,pixel_um\na,wide\n")
    with pytest.raises(DataError, match="no size in µm"):
        pixel_sizes_beside(tmp_path / "set")
    (tmp_path / "set" / "index.csv").write_text("ID,pixel_um,pixel_um\na,0.5,5\n")
    with pytest.raises(InputError, match="2 columns are called pixel_um"):
        pixel_sizes_beside(tmp_path / "set")


def test_rows_that_make_no_sense_are_named(tmp_path):
    (tmp_path / "index.csv").write_text("ID,split,pixel_um\n,train,1\na,dev,1\nb,test,wide\n")
    _, problems = read_typed_rows(tmp_path / "index.csv")
    assert sorted(problem.subject for problem in problems) == [f"index.csv row {row}" for row in (2, 3, 4)]
