"""Who has seen which image, under whichever name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hpa.cells.crops import CropSpec
from hpa.cells.stored_cells import StoredCells, StoredImage
from hpa.core.errors import InputError
from hpa.core.image_table import ImageTable
from hpa.sources.fold_plan import FoldPlan
from hpa.training.provenance import FILE, Provenance, contents_of, record
from hpa.training.run_folder import RunFolder


def images(held_out: int, ids="abcdef", groups=None, contents=None) -> Provenance:
    """Six images in three folds."""
    frame = pd.DataFrame({"image_id": list(ids), "group": list(groups or ids), "fold": [0, 0, 1, 1, 2, 2]})
    made = Provenance.of(ImageTable(frame, ("x",), "here"), held_out, None)
    return Provenance(made.frame.assign(content=list(contents or [f"c{name}" for name in ids])))


def test_a_run_has_seen_all_but_its_held_out_fold():
    assert images(1).seen_of(images(0)) == set("abef")


def test_a_picture_under_another_name_is_seen():
    renamed = images(0, ids="uvwxyz", contents=["ca", "cb", "cc", "cd", "ce", "cf"])
    assert images(1).seen_of(renamed) == set("uvyz")


def test_images_without_cells_are_not_all_the_same_picture():
    assert not images(1, contents=[""] * 6).seen_of(images(0, ids="uvwxyz", contents=[""] * 6))


def test_duplicates_that_only_the_student_found_are_seen_together():
    student = images(0, groups="abacef")  # c, which the other run held out, is a copy of a, which it saw
    assert images(1).seen_of(student) == set("abcef")


def test_what_was_trained_on_is_never_unseen_again():
    later = images(2).after(images(1))
    assert later.seen_of(images(0)) == set("abcdef")
    other_set = images(0, ids="uvwxyz").after(images(1))
    assert other_set.seen_of(images(0)) == set("abef")
    assert other_set.frame["trained"].tolist() == [False, False, True, True, True, True, True, True, True, True]


def test_images_that_were_replaced_since_the_start_are_named(tmp_path, caplog):
    def with_pixels(pixels):
        return Provenance(images(1).frame.assign(pixels=list(pixels)))

    run, folds = RunFolder(tmp_path), FoldPlan(3, 1, 0, False)
    record(run, with_pixels("123456"), folds, {})
    record(run, with_pixels("123456"), folds, {})
    assert not caplog.records
    record(run, with_pixels("12x45y"), folds, {})
    assert "2 images differ" in caplog.text
    assert "(c, f)" in caplog.text
    assert Provenance.read(tmp_path).frame["pixels"].tolist() == list("12x45y")


def test_a_run_of_an_earlier_version_is_read_and_nothing_of_it_counts_as_replaced(tmp_path):
    images(1).frame.drop(columns="pixels").to_parquet(tmp_path / FILE)
    earlier = Provenance.read(tmp_path)
    assert Provenance(images(1).frame.assign(pixels="1")).replaced_since(earlier) == []


def test_provenance_is_read_as_it_was_written(tmp_path):
    images(1).write(tmp_path)
    pd.testing.assert_frame_equal(Provenance.read(tmp_path).frame, images(1).frame)


@pytest.mark.parametrize("damage", [None, b"torn"], ids=["missing", "torn"])
def test_a_run_without_provenance_is_refused(tmp_path, damage):
    if damage is not None:
        (tmp_path / FILE).write_bytes(damage)
    with pytest.raises(InputError, match=FILE):
        Provenance.read(tmp_path)


def stored(names: str, measures: list) -> StoredCells:
    entries = [
        StoredImage(name, "", Path("m"), Path("c"), 8, len(rows)) for name, rows in zip(names, measures, strict=True)
    ]
    return StoredCells(entries, [rows for rows in measures if len(rows)], CropSpec(("green",), 8, True, 0.0))


def test_contents_follow_the_cells_and_not_the_name():
    one, two = np.arange(1, 17, dtype=np.int32).reshape(2, 8), np.arange(2, 10, dtype=np.int32).reshape(1, 8)
    none = np.empty((0, 8), np.int32)
    first = contents_of(stored("abc", [one, none, two]))
    second = contents_of(stored("xyz", [two, one, none]))
    assert first[1] == second[2] == ""
    assert [first[0], first[2]] == [second[1], second[0]]
    assert first[0] != first[2]
