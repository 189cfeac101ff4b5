import gzip
import json

import numpy as np
import pandas as pd
import pytest
import tifffile

from hpa.core.encoding import encode_column_runs
from hpa.core.errors import DataError, InputError
from hpa.core.image_table import COLUMNS
from hpa.interfaces import ImageSource, InstanceTruth
from hpa.sources.hubmap.source import Hubmap
from tests.roles import assert_fills
from tests.sources.hubmap_folder import SQUARE, picture, write_polygons, write_set


def reasons(table, image_id):
    return " | ".join(problem.reason for problem in table.problems if problem.subject == image_id)


def doubts(table, image_id):
    return " | ".join(warning.reason for warning in table.warnings if warning.subject == image_id)


def test_a_valid_set_makes_a_table_with_all_its_values(tmp_path):
    source = Hubmap(write_set(tmp_path, {}, {"organ": "spleen", "pixel_size": 0.4945, "data_source": "Hubmap"}), None)
    table = source.table("train").require_usable()
    assert_fills(source, ImageSource)
    assert source.cell_truth is None
    assert list(table.frame.columns) == [*COLUMNS, "organ", "thickness_um", "age", "sex"]
    assert table.frame.iloc[1].to_dict() == {
        **{"image_id": "2", "height": 20, "width": 30, "bits": 8, "pixel_um": 0.4945, "classes": "", "fold": -1},
        **{"source": "Hubmap", "group": "2", "organ": "spleen", "thickness_um": 4, "age": 61, "sex": "Male"},
    }
    assert not table.warnings
    assert not table.targets().any()


def test_a_test_set_has_seven_columns_and_no_masks(tmp_path):
    source = Hubmap(write_set(tmp_path, {}, split="test"), None)
    table = source.table("test").require_usable()
    assert np.isnan(table.frame["age"]).all()
    assert list(table.frame["sex"]) == [""]
    assert source.read("1", "test").channels == ("red", "green", "blue")
    with pytest.raises(InputError, match=r"train\.csv: the file is missing; expected are"):
        source.mask("1")


def test_a_picture_is_read_as_planes_with_its_pixel_size(tmp_path):
    source = Hubmap(write_set(tmp_path, {}, {"pixel_size": 6.263}), None)
    field = source.read("2", "train")
    assert field.image_id == "2"
    assert field.pixel_um == 6.263
    assert np.array_equal(np.moveaxis(field.pixels, 0, -1), picture(1))
    assert Hubmap(tmp_path, 0.5).read("2", "train").pixel_um == 0.5


def test_a_mask_comes_from_the_runs_or_else_from_the_polygons_as_scored(tmp_path):
    source = Hubmap(write_set(tmp_path, {}, {"rle": ""}), None)
    assert not source.table("train").problems
    assert encode_column_runs(source.mask("1")) == "22 3 42 3"
    expected = np.zeros((20, 30), bool)
    expected[3 - 1 : 8, 2:7] = True
    assert np.array_equal(source.mask("2"), expected)


def test_units_are_the_connected_parts_of_the_mask(tmp_path):
    source = Hubmap(write_set(tmp_path, {"rle": "22 3 45 2 84 1 105 1"}), None)  # the first two touch at a corner
    instances = source.instances("1")
    assert_fills(source, InstanceTruth)
    assert np.array_equal(instances.label_map > 0, source.mask("1"))
    assert [int((instances.label_map == number).sum()) for number in (1, 2)] == [5, 2]
    assert instances.classes.tolist() == [0, 0]
    assert instances.scores is None


def test_all_defects_of_a_set_are_named_at_once(tmp_path):
    write_set(
        tmp_path,
        {"rle": "22 3 42"},
        {"rle": "599 3"},
        {"organ": "brain"},
        {"img_height": 21},
        {"id": ""},
        {"img_width": "wide", "age": -3, "tissue_thickness": "thin"},
        {"id": "1"},
        {"rle": ""},
        {"rle": ""},
        {},
    )
    write_polygons(tmp_path, "8", [[[0, 0], [90, 0], [0, 5]]])
    (tmp_path / "train_annotations" / "9.json").unlink()
    (tmp_path / "train_images" / "10.tiff").unlink()
    table = Hubmap(tmp_path, None).table("train")
    assert "train.csv row 2: rle: column runs come in pairs" in reasons(table, "1")
    assert "train.csv row 8: the id stands in row 2 too" in reasons(table, "1")
    assert "outside the image of 20 x 30" in reasons(table, "2")
    assert "organ 'brain' is unknown; the organs are kidney, largeintestine, lung" in reasons(table, "3")
    assert "the table says 30×21 px, the picture has 30×20 px" in reasons(table, "4")
    assert "the id is blank" in reasons(table, "train.csv row 6")
    assert "img_width 'wide': positive whole numbers" in reasons(table, "6")
    assert "age '-3': a number above 0" in reasons(table, "6")
    assert "tissue_thickness 'thin'" in reasons(table, "6")
    assert "goes 61 px off the canvas of 30×20 px" in reasons(table, "8")
    assert "9.json: the file is missing; add it, or write the mask into the column rle" in reasons(table, "9")
    assert "10.tiff is missing; add the picture or take the row out" in reasons(table, "10")
    assert len(table) == 10
    assert len(table.problems) == 12
    with pytest.raises(DataError, match="12 problems"):
        table.require_usable()


def test_polygons_that_are_not_needed_are_odd_at_most(tmp_path):
    write_set(tmp_path, {}, {}, {"img_height": 20})
    write_polygons(tmp_path, "1", [[[0, 0], [90, 0], [0, 5]]])
    write_polygons(tmp_path, "2", "none")
    write_polygons(tmp_path, "3", [[[0, 0], [29.2, 0], [0, 5]]])
    table = Hubmap(tmp_path, None).table("train").require_usable()
    assert "off the canvas" in doubts(table, "1")
    assert "no polygon was found" in doubts(table, "2")
    assert "overhang the image by 0.2 px, which is cut off" in doubts(table, "3")


@pytest.mark.parametrize(
    ("row", "pixel_um"),
    [
        ({"organ": "kidney", "data_source": "HPA"}, 0.4),
        ({"organ": "prostate", "data_source": "Hubmap"}, 6.263),
        ({"organ": "largeintestine", "data_source": "HuBMAP"}, 0.229),
    ],
)
def test_a_missing_pixel_size_is_that_of_source_and_organ_and_logged(tmp_path, row, pixel_um):
    write_set(tmp_path, {**row, "pixel_size": ""})
    table = Hubmap(tmp_path, None).table("train").require_usable()
    assert list(table.frame["pixel_um"]) == [pixel_um]
    assert f"pixel_size is blank: {pixel_um} µm is taken, as of all images of {row['organ']}" in doubts(table, "1")
    given = Hubmap(tmp_path, 1.5).table("train")
    assert list(given.frame["pixel_um"]) == [1.5]
    assert not given.warnings


def test_without_a_usual_pixel_size_one_is_required(tmp_path):
    table = Hubmap(write_set(tmp_path, {"data_source": "GTEx", "pixel_size": ""}), None).table("train")
    assert "no usual one is known for lung of 'GTEx'; write µm" in reasons(table, "1")


@pytest.mark.parametrize("pixel_um", [0.0, -1.0, float("nan")])
def test_a_pixel_size_that_makes_no_sense_is_refused(tmp_path, pixel_um):
    with pytest.raises(InputError, match=r"data\.pixel_um"):
        Hubmap(tmp_path, pixel_um)


def test_what_is_not_there_is_reported(tmp_path):
    source = Hubmap(tmp_path, None)
    with pytest.raises(InputError, match=r"Check data\.root"):
        source.table("train")
    write_set(tmp_path, {})
    with pytest.raises(InputError, match="there is no row of image '7'"):
        source.mask("7")
    (tmp_path / "train_images" / "1.tiff").rename(tmp_path / "1.tiff")
    with pytest.raises(InputError, match="add the file or mend its path"):
        source.identity("1", "train")
    (tmp_path / "train_images").rmdir()
    with pytest.raises(InputError, match="there is no such folder"):
        source.table("train")


def test_other_content_has_another_identity_and_another_size_is_refused(tmp_path):
    source = Hubmap(write_set(tmp_path, {}), None)
    before = source.identity("1", "train")
    tifffile.imwrite(tmp_path / "train_images" / "1.tiff", picture(height=40), photometric="rgb")
    assert source.identity("1", "train") != before
    with pytest.raises(InputError, match=r"1\.tiff: the table says 30×20 px, the picture has 30×40 px"):
        source.read("1", "train")


def test_two_files_of_one_image_are_reported(tmp_path):
    write_set(tmp_path, {})
    tifffile.imwrite(tmp_path / "train_images" / "1.tif", picture(), photometric="rgb")
    assert "1.tiff and 1.tif are both there" in reasons(Hubmap(tmp_path, None).table("train"), "1")


@pytest.fixture
def real_root(samples, tmp_path):
    """The real tables as a folder; no real picture is at hand, so all of them are missing."""
    folder = samples / "hubmap_ftu_labels"
    frame = pd.read_csv(folder / "train_141_rle.csv.gz", dtype=str)
    frame.iloc[::2, frame.columns.get_loc("rle")] = ""  # half of the masks from polygons
    frame.to_csv(tmp_path / "train.csv", index=False)
    with gzip.open(folder / "train_351_polygons.json.gz", "rt") as file:
        for image_id, polygons in json.load(file).items():
            write_polygons(tmp_path, image_id, polygons)
    (tmp_path / "train_images").mkdir()
    return tmp_path


@pytest.mark.thorough
def test_real_tables_and_polygons_are_read_whole(real_root):
    table = Hubmap(real_root, None).table("train")
    assert len(table) == 141
    assert set(table.frame["organ"]) == {"kidney", "largeintestine", "lung", "prostate", "spleen"}
    assert set(table.frame["pixel_um"]) == {0.4}
    assert set(table.frame["thickness_um"]) == {4.0}
    assert all("add the picture" in problem.reason for problem in table.problems)
    assert len(table.problems) == 141
    assert {warning.subject for warning in table.warnings} == {"29296", "18445", "18121", "6794"}


def test_square_has_the_area_of_its_mask(tmp_path):
    (polygon,) = SQUARE
    xs, ys = zip(*polygon, strict=True)
    source = Hubmap(write_set(tmp_path, {"rle": ""}), None)
    assert source.mask("1").sum() == (max(xs) - min(xs) + 1) * (max(ys) - min(ys) + 1)
