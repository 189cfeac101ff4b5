import dataclasses

import tifffile

from hpa.sources.hubmap.check import Findings, inspect_picture, inspect_polygons, size_difference
from hpa.sources.hubmap.listing import read_listing
from tests.sources.hubmap_folder import SQUARE, picture, write_polygons, write_set


def row_of(root):
    return read_listing(root / "train.csv", None).rows[0]


def test_a_sound_image_has_no_findings(tmp_path):
    row = row_of(write_set(tmp_path, {"rle": ""}))
    findings = Findings()
    inspect_picture(findings, row, tmp_path / "train_images" / "1.tiff")
    inspect_polygons(findings, row, tmp_path / "train_annotations" / "1.json")
    assert findings.info == (20, 30, 8)
    assert (findings.problems, findings.warnings) == ([], [])


def test_a_picture_of_swapped_sides_is_a_reason(tmp_path):
    row = row_of(write_set(tmp_path, {}))
    tifffile.imwrite(tmp_path / "a.tiff", picture(height=30, width=20), photometric="rgb")
    findings = Findings()
    inspect_picture(findings, row, tmp_path / "a.tiff")
    assert "the table says 30×20 px, the picture has 20×30 px" in findings.problems[0]
    assert findings.info == (30, 20, 8)


def test_defects_of_polygons_are_reasons_only_where_the_mask_needs_them(tmp_path):
    row = row_of(write_set(tmp_path, {}))
    path = write_polygons(tmp_path, "1", [[[0, 0], [5, 5]]])
    unneeded, needed = Findings(), Findings()
    inspect_polygons(unneeded, row, path)
    inspect_polygons(needed, dataclasses.replace(row, rle=""), path)
    assert unneeded.warnings == needed.problems
    assert needed.problems[0].startswith(f"{path}: polygon 1 has 2 vertices")
    assert not unneeded.problems
    assert not needed.warnings


def test_without_a_size_in_the_table_nothing_is_compared(tmp_path):
    row = dataclasses.replace(row_of(write_set(tmp_path, {"rle": ""})), height=0, width=0)
    findings = Findings()
    inspect_polygons(findings, row, write_polygons(tmp_path, "1", SQUARE))
    assert not findings.problems
    assert size_difference(row, 5, 5) is None
