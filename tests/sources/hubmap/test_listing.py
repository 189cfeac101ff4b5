import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpa.core.errors import InputError
from hpa.sources.hubmap.listing import read_listing
from hpa.sources.row_checks import whole_px
from tests.sources.hubmap_folder import ROW, TRAIN_COLUMNS, write_table


def test_rows_keep_their_order_and_all_columns(tmp_path):
    rows = [{**ROW, "id": "b"}, {**ROW, "id": "a", "age": "", "sex": "", "rle": ""}]
    listing = read_listing(write_table(tmp_path / "train.csv", rows), None)
    assert not listing.problems
    assert not listing.warnings
    assert [row.image_id for row in listing.rows] == ["b", "a"]
    first, second = listing.rows
    assert (first.organ, first.source, first.height, first.width) == ("lung", "HPA", 20, 30)
    assert (first.pixel_um, first.thickness_um, first.rle) == (0.4, 4.0, "22 3 42 3")
    assert (first.age, first.sex) == (61.0, "Male")
    assert math.isnan(second.age)


def test_columns_beside_the_first_five_may_be_missing_and_others_are_left_out(tmp_path):
    columns = [*TRAIN_COLUMNS[:5], "note"]
    listing = read_listing(write_table(tmp_path / "a.csv", [{**ROW, "id": "1", "note": "x"}], columns), None)
    assert [row.pixel_um for row in listing.rows] == [0.4]
    assert len(listing.warnings) == 1
    assert not listing.problems
    with pytest.raises(InputError, match="img_width missing"):
        read_listing(write_table(tmp_path / "b.csv", [{**ROW, "id": "1"}], TRAIN_COLUMNS[:4]), None)


@pytest.mark.parametrize("text", ["nan", "inf", "0", "-0.4", "0,4", "µm"])
def test_a_pixel_size_that_is_no_size_is_reported(tmp_path, text):
    listing = read_listing(write_table(tmp_path / "a.csv", [{**ROW, "id": "1", "pixel_size": text}]), None)
    assert [problem.subject for problem in listing.problems] == ["1"]
    assert f"a.csv row 2: pixel_size '{text}': a number above 0 is expected" in listing.problems[0].reason
    assert math.isnan(listing.rows[0].pixel_um)


def test_an_id_that_stands_three_times_is_listed_twice(tmp_path):
    listing = read_listing(write_table(tmp_path / "a.csv", [{**ROW, "id": "1"}] * 3), None)
    assert ["in row 2 too" in problem.reason for problem in listing.problems] == [True, True]


@given(st.integers(1, 10**9 - 1))
def test_whole_numbers_of_pixels_are_read_also_as_pandas_writes_them(number):
    assert whole_px(str(number)) == whole_px(f"{number}.0") == number


@pytest.mark.parametrize("text", ["", "0", "-3", "3.5", "3e3", "x", "1" * 5000])
def test_what_is_no_size_is_zero(text):
    assert whole_px(text) == 0
