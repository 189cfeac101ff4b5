"""Means, intervals and columns of a shift table."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmarks.tissue_shift_table import Row, half_interval, table

ORGANS = {"a": "lung", "b": "lung", "c": "spleen"}
PLAIN = {0: {"a": 0.5, "b": 0.7, "c": 0.3}, 1: {"a": 0.7, "b": 0.7, "c": 0.1}}


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def rows_of(text: str) -> list[dict[str, str]]:
    lines = text.splitlines()
    return [dict(zip(cells(lines[0]), cells(line), strict=True)) for line in lines[2:]]


def test_a_row_holds_the_mean_over_splits_and_images_and_per_organ():
    (row,) = rows_of(table({"plain": Row("plain", "", PLAIN, ORGANS)}))
    assert (row["Dice"], row["lung"], row["spleen"], row["splits"]) == (".500", ".650", ".200", "2")


def test_a_gain_is_paired_by_split_with_students_interval():
    better = {split: {image: dice + 0.1 + 0.02 * split for image, dice in of.items()} for split, of in PLAIN.items()}
    _, row = rows_of(table({"plain": Row("plain", "", PLAIN, ORGANS), "step": Row("step", "plain", better, ORGANS)}))
    low, high = stats.t.interval(0.95, 1, 0.11, stats.sem([0.1, 0.12]))
    assert row["gain"] == row["over the first row"] == f"+.110 ± .{round(500 * (high - low)):03d}"


def test_splits_of_one_row_alone_do_not_count_towards_a_gain():
    step = {1: dict.fromkeys(ORGANS, 0.9), 2: dict.fromkeys(ORGANS, 0.0)}
    _, row = rows_of(table({"plain": Row("plain", "", PLAIN, ORGANS), "step": Row("step", "plain", step, ORGANS)}))
    assert row["gain"] == "+.400"  # of split 1; one split has no interval


def test_one_organ_needs_no_column_and_unmeasured_rows_no_line():
    one = dict.fromkeys(ORGANS, "nuclei")
    text = table({"plain": Row("plain", "", PLAIN, one), "later": Row("later", "plain", {}, one)})
    assert "nuclei" not in text
    assert len(text.splitlines()) == 3
    assert table({}) == ""


@given(st.lists(st.floats(-1, 1), min_size=3, max_size=8), st.floats(-1, 1))
def test_an_interval_knows_nothing_of_what_all_differences_share(differences, shift):
    values = np.array(differences)
    assert half_interval(values + shift) == pytest.approx(half_interval(values), abs=1e-9)
