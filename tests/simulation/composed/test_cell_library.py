import shutil

import cv2
import numpy as np
import pytest

from hpa.core.errors import DataError, InputError
from hpa.simulation.composed import crops_in_folder, crops_in_table, read_library
from hpa.simulation.composed.class_numbers import ClassNumbers


@pytest.mark.parametrize(
    ("names", "numbers", "are_locations"),
    [
        (("Nucleoplasm", "Golgi apparatus"), {"Nucleoplasm": 0, "Golgi apparatus": 7}, True),
        (("golgi_apparatus", "NUCLEOLI"), {"NUCLEOLI": 2, "golgi_apparatus": 7}, True),
        (("16", "3"), {"3": 3, "16": 16}, True),
        (("speckled", "homogeneous"), {"homogeneous": 0, "speckled": 1}, False),
        (("Nucleoli", "speckled"), {"Nucleoli": 0, "speckled": 1}, False),
        (("a", "b", "negative"), {"a": 0, "b": 1, "negative": 18}, False),
    ],
)
def test_classes_are_numbered_as_locations_or_by_name(names, numbers, are_locations):
    assert ClassNumbers.of(names) == ClassNumbers(numbers, are_locations)


def test_two_names_of_one_location_and_too_many_classes_are_refused():
    with pytest.raises(InputError, match="'2' and 'nucleoli' are the same location"):
        ClassNumbers.of(["nucleoli", "2"])
    with pytest.raises(InputError, match="19 classes, the cells have 20"):
        ClassNumbers.of([f"kind {number}" for number in range(20)])


def test_a_folder_gives_crops_masks_and_specimens(cells):
    folder = cells()
    (folder / "notes.txt").write_text("notes")
    (folder / "across" / "list.csv").write_text("notes")
    listing = crops_in_folder(folder, None)
    library = read_library(listing)
    assert [path.name for path in listing.passed_over] == ["notes.txt", "list.csv"]
    assert len(library.crops) == 16
    assert {crop.specimen for crop in library.crops if crop.classes == (0,)} == {
        f"across_specimen{n}" for n in range(4)
    }
    assert {crop.shape for crop in library.crops} == {(1, 20, 20)}
    assert all(crop.mask_path is not None for crop in library.crops)


def test_a_pattern_finds_the_specimen_in_the_name(cells):
    library = read_library(crops_in_folder(cells(), r"c(\d)"))
    assert {crop.specimen for crop in library.crops} == set("01234567")
    with pytest.raises(DataError, match="the pattern finds no specimen"):
        crops_in_folder(cells(), r"plate(\d+)")


def test_a_table_names_crops_classes_masks_and_specimens(cells, tmp_path):
    cells()
    rows = [f"cells/across/across_specimen{n // 2}/c{n}.png,across,{n % 2}" for n in range(4)]
    rows += [f"cells/along/along_specimen{n // 2}/c{n}.png,along|across,{n % 2}" for n in range(4)]
    (tmp_path / "cells.csv").write_text("\n".join(["crop,class,plate", *rows]))
    library = read_library(crops_in_table(tmp_path / "cells.csv", "plate"))
    assert [crop.classes for crop in library.crops] == [(0,)] * 4 + [(0, 1)] * 4
    assert [crop.specimen for crop in library.crops] == list("0101" * 2)
    by_itself = read_library(crops_in_table(tmp_path / "cells.csv", None))
    assert len({crop.specimen for crop in by_itself.crops}) == 8


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["crop,class", "a.png,x"], "is no file"),
        (["crop,class", ",x"], "row 2: crop, class and specimen are expected"),
        (["crop,kind", "a.png,x"], "class missing"),
        (["crop,class"], "only a header"),
    ],
)
def test_tables_with_errors_are_refused(tmp_path, lines, words):
    (tmp_path / "t.csv").write_text("\n".join(lines))
    with pytest.raises(InputError, match=words):
        crops_in_table(tmp_path / "t.csv", None)


def test_a_crop_listed_twice_is_refused(cells, tmp_path):
    cells()
    row = "cells/across/across_specimen0/c0.png,"
    (tmp_path / "t.csv").write_text(f"crop,class\n{row}a\n{row}b")
    with pytest.raises(DataError, match="stands in several rows"):
        crops_in_table(tmp_path / "t.csv", None)


def test_copies_of_a_crop_share_a_specimen(cells):
    folder = cells()
    shutil.copy(folder / "across/across_specimen0/c0.png", folder / "across/across_specimen3/copy.png")
    shutil.copy(folder / "across/across_specimen0/c0_mask.png", folder / "across/across_specimen3/copy_mask.png")
    specimens = {
        crop.path.name: crop.specimen
        for crop in read_library(crops_in_folder(folder, None)).crops
        if crop.classes == (0,)
    }
    assert specimens["c0.png"] == specimens["copy.png"] == specimens["c7.png"] != specimens["c2.png"]


def test_one_class_and_an_empty_folder_are_refused(cells, tmp_path):
    with pytest.raises(InputError, match="two classes or more are expected, found: across"):
        read_library(crops_in_folder(cells(names=("across",)), None))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="found: none"):
        read_library(crops_in_folder(tmp_path / "empty", None))
    with pytest.raises(InputError, match="none there"):
        crops_in_folder(tmp_path / "nowhere", None)


def test_every_crop_that_cannot_be_used_is_named(cells):
    folder = cells()
    (folder / "across" / "across_specimen0" / "broken.png").write_bytes(b"junk")
    np.save(folder / "along" / "along_specimen0" / "colour.npy", np.arange(1600, dtype=np.uint8).reshape(20, 20, 4))
    cv2.imwrite(str(folder / "along" / "deep.png"), np.full((20, 20), 900, np.uint16))
    shutil.copy(folder / "across/across_specimen1/c2.png", folder / "along/again.png")
    with pytest.raises(DataError) as raised:
        read_library(crops_in_folder(folder, None))
    text = str(raised.value)
    assert "4 problems" in text
    assert "broken.png" in text
    assert "colour.npy: 4 channels of 8 bit, 17 other crops have 1 of 8 bit" in text
    assert "deep.png: 1 channels of 16 bit" in text
    assert "again.png: has the pixels of" in text


def test_grey_crops_saved_in_colour_are_one_channel(cells):
    folder = cells()
    for number, path in enumerate(sorted(folder.rglob("c?.png"))):
        if number % 2:
            cv2.imwrite(str(path), cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), cv2.COLOR_GRAY2BGR))
    library = read_library(crops_in_folder(folder, None))
    assert library.channel_count == 1
    assert {crop.shape for crop in library.crops} == {(1, 20, 20)}
    path = folder / "across" / "across_specimen0" / "c0.png"
    tinted = cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), cv2.COLOR_GRAY2BGR)
    cv2.imwrite(str(path), tinted // np.uint8([1, 2, 3]))
    with pytest.raises(DataError, match="channels of 8 bit"):
        read_library(crops_in_folder(folder, None))


def test_a_class_without_crops_is_named(cells):
    folder = cells()
    (folder / "none").mkdir()
    with pytest.raises(DataError, match="none: holds no crop"):
        crops_in_folder(folder, None)
