import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpa.core.classes import LOCATION_NAMES
from hpa.core.errors import DataError, Problem
from hpa.core.image_table import COLUMNS, ImageTable, format_classes, parse_classes, read_label_text

CLASSES = st.lists(st.integers(0, 18), unique=True, max_size=6)


def table_of(classes: list[str], problems: tuple[Problem, ...] = ()) -> ImageTable:
    count = len(classes)
    values = [[f"i{row}" for row in range(count)], 8, 8, 8, 0.08, classes, "test", "g", -1]
    frame = pd.DataFrame(dict(zip(COLUMNS, values, strict=True)))
    return ImageTable(frame, LOCATION_NAMES, "a test", problems)


@given(CLASSES)
def test_format_and_parse_are_inverse(classes: list[int]) -> None:
    assert parse_classes(format_classes(classes)) == classes


@given(CLASSES.filter(bool))
def test_well_written_labels_are_read_as_written(classes: list[int]) -> None:
    assert read_label_text(format_classes(classes), LOCATION_NAMES) == (classes, None)


@pytest.mark.parametrize("text", ["", "  ", "8||5", "|", "8 5", "8,5", "1.0", "-1", "x", "²"])
def test_malformed_labels_say_how_to_write_them(text: str) -> None:
    classes, reason = read_label_text(text, LOCATION_NAMES)
    assert classes == []
    assert reason is not None
    assert "8|5|0" in reason


def test_unknown_classes_are_named_and_the_known_kept() -> None:
    classes, reason = read_label_text("3|19|200", LOCATION_NAMES)
    assert classes == [3]
    assert reason is not None
    assert reason.startswith("class 19, 200 of '3|19|200' is unknown")


@given(st.lists(CLASSES, min_size=1, max_size=8))
def test_targets_hold_exactly_the_classes(rows: list[list[int]]) -> None:
    targets = table_of([format_classes(classes) for classes in rows]).targets()
    assert targets.shape == (len(rows), 19)
    assert [np.flatnonzero(row).tolist() for row in targets] == [sorted(classes) for classes in rows]


def test_rows_are_chosen_and_counted_anew() -> None:
    table = table_of(["1", "2", "3"]).rows(np.array([True, False, True]))
    assert table.image_ids == ["i0", "i2"]
    assert list(table.frame.index) == [0, 1]
    assert len(table) == 2


def test_a_table_with_problems_is_not_usable() -> None:
    assert table_of(["1"]).require_usable().image_ids == ["i0"]
    with pytest.raises(DataError, match="i0: broken"):
        table_of(["1"], (Problem("i0", "broken"),)).require_usable()
