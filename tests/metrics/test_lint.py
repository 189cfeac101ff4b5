import numpy as np
import pytest

from hpa.core.encoding import encode_mask
from hpa.core.errors import DataError
from hpa.metrics.lint import lint_submission

LEFT, RIGHT, MIDDLE = np.zeros((3, 4, 6), bool)
LEFT[:, :3] = RIGHT[:, 3:] = MIDDLE[:, 2:4] = True
TEXT_LEFT, TEXT_RIGHT, TEXT_MIDDLE = map(encode_mask, (LEFT, RIGHT, MIDDLE))
HEADER = "ID,ImageWidth,ImageHeight,PredictionString\n"
GOOD_A = f"a,6,4,0 0.9 {TEXT_LEFT} 1 0.5 {TEXT_LEFT} 0 0.25 {TEXT_RIGHT}\n"
GOOD_B = f"b,4,4,18 1 {encode_mask(np.ones((4, 4), bool))}\n"


@pytest.fixture
def lint(tmp_path):
    (tmp_path / "sample.csv").write_text(HEADER + "a,6,4,0 1 x\nb,4,4,0 1 x\n")

    def run(content):
        (tmp_path / "submission.csv").write_text(content)
        return lint_submission(tmp_path / "submission.csv", tmp_path / "sample.csv")

    return run


def test_a_clean_submission_passes(lint):
    report = lint(HEADER + GOOD_A + GOOD_B)
    assert (report.rows, report.defects, report.warnings) == (2, (), ())


@pytest.mark.parametrize(
    ("rows", "subject", "reason"),
    [
        (GOOD_A, "b", "the row is missing"),
        (GOOD_A + GOOD_B + GOOD_B, "row 4 (b)", "the id stands in row 3 already"),
        (GOOD_A + GOOD_B + "c,4,4,\n", "row 4 (c)", "the sample does not know this id"),
        (GOOD_A.replace("a,6,4", "a,4,6") + GOOD_B, "row 2 (a)", "width and height are swapped"),
        (GOOD_A + GOOD_B.replace("b,4,4", "b,8,4"), "row 3 (b)", "the sample says 4 x 4"),
        (GOOD_A + GOOD_B.replace("b,4,4", "b,4.0,4"), "row 3 (b)", "not positive whole numbers"),
        (GOOD_A + "b,4,4\n", "row 3 (b)", "3 fields where the header has 4"),
        (GOOD_A + f"b,4,4,0 0.5 b'{TEXT_LEFT}'\n", "row 3 (b)", "bytes written with str()"),
        (GOOD_A + "b,4,4,0 0.5 nonsense\n", "row 3 (b)", "does not decode"),
        (GOOD_A + f"b,4,4,0 0.5 {TEXT_LEFT}\n", "row 3 (b)", "counts 24 pixels, the image has 16"),
        (GOOD_A + GOOD_B.replace("18 1 ", "18 nan "), "row 3 (b)", "confidence 'nan' is not finite"),
        (GOOD_A + GOOD_B.replace("18 1 ", "18 -inf "), "row 3 (b)", "confidence '-inf' is not finite"),
        (GOOD_A + GOOD_B.replace("18 1 ", "18 "), "row 3 (b)", "a confidence, class or mask is missing"),
        (GOOD_A + GOOD_B.replace("18 1 ", "18 sure "), "row 3 (b)", "confidence 'sure' is no number"),
        (GOOD_A + GOOD_B.replace("18 1 ", "19 1 "), "row 3 (b)", "class '19' is unknown"),
        (GOOD_A + GOOD_B.replace("18 1 ", "1.0 1 "), "row 3 (b)", "class '1.0' is unknown"),
    ],
)
def test_each_defect_is_found_with_its_row(lint, rows, subject, reason):
    report = lint(HEADER + rows)
    assert [problem.subject for problem in report.defects] == [subject]
    assert reason in report.defects[0].reason


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("b,4,4,\n", "no mask with a pixel"),
        (f"b,4,4,0 1 {encode_mask(np.zeros((4, 4), bool))}\n", "no mask with a pixel"),
        (GOOD_B.strip() + " 18 0.5 " + GOOD_B.split()[-1] + "\n", "1 times a mask repeats a class"),
    ],
)
def test_what_is_odd_but_accepted_is_a_warning(lint, row, reason):
    report = lint(HEADER + GOOD_A + row)
    assert report.defects == ()
    assert [problem.subject for problem in report.warnings] == ["row 3 (b)"]
    assert reason in report.warnings[0].reason


def test_overlaps_between_different_masks_are_measured(lint):
    report = lint(HEADER + f"a,6,4,0 1 {TEXT_LEFT} 0 1 {TEXT_RIGHT} 0 1 {TEXT_MIDDLE}\n" + GOOD_B)
    assert report.defects == ()
    assert f"share {((LEFT | RIGHT) & MIDDLE).sum()} px" in report.warnings[0].reason


def test_several_defects_of_a_row_are_all_listed(lint):
    report = lint(HEADER + GOOD_A + "b,9,4,33 nan nonsense\n")
    assert len(report.defects) == 4


def test_a_damaged_sample_is_no_measure(tmp_path):
    (tmp_path / "sample.csv").write_text(HEADER + "a,6,4,\na,6,4,\n")
    with pytest.raises(DataError, match="earlier row"):
        lint_submission(tmp_path / "submission.csv", tmp_path / "sample.csv")
