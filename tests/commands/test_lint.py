import pytest

from hpa.cli import main

HEADER = "ID,ImageWidth,ImageHeight,PredictionString\n"


@pytest.mark.parametrize(("rows", "code", "first_word"), [("a,6,4,\n", 0, "warning"), ("a,6,4,0 1\n", 1, "defect")])
def test_defects_decide_the_exit_code_and_warnings_do_not(tmp_path, capsys, rows, code, first_word):
    (tmp_path / "sample.csv").write_text(HEADER + "a,6,4,0 1 x\n")
    (tmp_path / "submission.csv").write_text(HEADER + rows)
    assert main(["lint", str(tmp_path / "submission.csv"), "--sample", str(tmp_path / "sample.csv")]) == code
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(first_word)
    assert "row 2 (a)" in lines[0]
    assert lines[-1].endswith("1 defects, 0 warnings" if code else "0 defects, 1 warnings")
