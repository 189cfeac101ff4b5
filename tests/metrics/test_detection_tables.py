import json
import math
from pathlib import Path

import numpy as np
import pytest

from hpa.core.encoding import encode_mask
from hpa.core.errors import DataError, InputError
from hpa.core.submission import format_truth
from hpa.core.submission_table import PREDICTION_COLUMN, TRUTH_COLUMN, TableRow, write_table
from hpa.metrics.detection_tables import score_tables

CASES = sorted((Path(__file__).parents[1] / "core" / "data").glob("*.json"))
MASK = encode_mask(np.eye(4, 5, dtype=bool))


def write(folder, truth, predictions):
    write_table(folder / "truth.csv", TRUTH_COLUMN, truth)
    write_table(folder / "submission.csv", PREDICTION_COLUMN, predictions)
    return folder / "submission.csv", folder / "truth.csv"


@pytest.mark.parametrize(("verified", "expected"), [("all", "expected"), ("truth", "expected_gt_only")])
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_values_of_the_organisers_code(tmp_path, path, verified, expected):
    case = json.loads(path.read_text())
    truth = [
        TableRow(
            image["id"],
            image["width"],
            image["height"],
            format_truth([cell["label"] for cell in image["gt"]], [cell["mask_b64"] for cell in image["gt"]]),
        )
        for image in case["images"]
    ]
    predictions = [TableRow(i["id"], i["width"], i["height"], i["pred_string"]) for i in case["images"]]
    score = score_tables(*write(tmp_path, truth, predictions), case["iou_threshold"], verified).score
    assert score.mean == pytest.approx(case[expected]["map"], abs=1e-12)
    for of_class, ap, true_cells in zip(
        score.classes, case[expected]["ap_per_class"], case[expected]["num_gt_per_class"], strict=True
    ):
        assert of_class.true_cells == true_cells
        assert math.isnan(of_class.ap) if ap is None else of_class.ap == pytest.approx(ap, abs=1e-12)


def test_the_six_cases_are_there():
    assert len(CASES) == 6


def test_images_without_a_row_have_no_detections_and_unknown_rows_are_left_out(tmp_path):
    truth = [TableRow(name, 5, 4, f"2 {MASK}") for name in ("a", "b")]
    predictions = [TableRow("a", 5, 4, f"2 0.5 {MASK}"), TableRow("other", 5, 4, f"2 0.9 {MASK}")]
    result = score_tables(*write(tmp_path, truth, predictions), 0.6, "all")
    assert (result.images, result.without_row, result.not_in_truth) == (2, 1, 1)
    assert result.score.mean == 0.5


def test_all_rows_that_cannot_be_scored_are_named(tmp_path):
    truth = [TableRow(name, 5, 4, f"2 {MASK}") for name in "abcd"]
    predictions = [
        TableRow("a", 4, 5, ""),
        TableRow("b", 5, 4, "0 0.5"),
        TableRow("c", 5, 4, ""),
        TableRow("c", 5, 4, ""),
        TableRow("d", 5, 4, "0 0.5 nonsense"),
    ]
    with pytest.raises(DataError) as caught:
        score_tables(*write(tmp_path, truth, predictions), 0.6, "all")
    assert [problem.subject for problem in caught.value.problems] == [
        "row 2 (a)",
        "row 3 (b)",
        "row 5 (c)",
        "row 6 (d)",
    ]


def test_a_damaged_truth_is_blamed_on_the_truth(tmp_path):
    with pytest.raises(DataError, match=r"truth\.csv: 1 problem\n.*a: class 19 is unknown"):
        score_tables(*write(tmp_path, [TableRow("a", 5, 4, f"19 {MASK}")], []), 0.6, "all")


@pytest.mark.parametrize("iou", [0.0, 1.5, math.nan])
def test_thresholds_that_make_no_sense(tmp_path, iou):
    with pytest.raises(InputError, match="IoU threshold"):
        score_tables(tmp_path / "s.csv", tmp_path / "t.csv", iou, "all")
