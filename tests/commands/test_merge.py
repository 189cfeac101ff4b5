import pytest

from hpa.cli import main
from hpa.core.errors import Problem
from hpa.inference.block_report import BlockReport
from hpa.inference.blocks import Shard
from hpa.inference.shards import write_part
from hpa.inference.work_claim import opened


@pytest.fixture
def parts(tmp_path):
    """Returns two parts of one image each; those named fail."""

    def make(*failing):
        for number, name in enumerate("ab"):
            with opened(tmp_path / "out", {}) as work:
                work.write_rows(number, [(name, 3, 4, "" if name in failing else "0 0.5 abc")])
                failed = (Problem(name, "is torn"),) if name in failing else ()
                files = work.files_of(number)
                report = BlockReport(number, (name,), 1 - len(failed), failed, (), "as configured", "x", files)
                columns = ("ID", "ImageWidth", "ImageHeight", "PredictionString")
                write_part(tmp_path / name, Shard(number + 1, 2), columns, {"split": "test"}, 2, work, [report])
        return [str(tmp_path / name) for name in "ab"]

    return make


@pytest.mark.parametrize(("failing", "code"), [("", 0), ("b", 3), ("ab", 1)])
def test_the_exit_code_shows_blank_rows(parts, tmp_path, capsys, failing, code):
    out = tmp_path / "merged.csv"
    assert main(["merge", *parts(*failing), "--out", str(out)]) == code
    shown = capsys.readouterr().out
    assert shown.endswith(f"2 images from 2 parts, {len(failing)} blank\n")
    assert shown.count("is torn") == len(failing)
    rows = ["a,3,4,0 0.5 abc", "b,3,4,0 0.5 abc"]
    expected = [row if row[0] not in failing else row[:6] for row in rows]
    assert out.read_text().splitlines() == ["ID,ImageWidth,ImageHeight,PredictionString", *expected]


def test_parts_that_do_not_fit_are_shown(parts, tmp_path, capsys):
    assert main(["merge", parts()[0], "--out", str(tmp_path / "merged.csv")]) == 1
    assert "shard 2/2 is missing" in capsys.readouterr().err
