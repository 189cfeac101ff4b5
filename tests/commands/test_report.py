"""`hpa report`; the page itself is tested in tests/reports."""

from hpa.cli import main


def test_a_folder_that_is_no_run_is_refused(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == 1
    assert "the folder of a run or a chain of train.py was expected" in capsys.readouterr().err
    assert not (tmp_path / "report.html").exists()
