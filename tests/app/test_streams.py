"""What a command prints may be lost, its work may not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_LINT = """
import sys
from hpa.cli import main
sys.exit(main(["lint", "s.csv", "--sample", "s.csv"]))
"""
_SOUND = "ID,ImageWidth,ImageHeight,PredictionString\na,4,4,\n"


def _ended(words: str, program: str, folder: Path) -> tuple[int, str]:
    """Return the exit code of a program whose streams a shell redirects, and what it printed."""
    command = ["bash", "-c", f'"$0" -c "$1" {words}', sys.executable, program]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "code", "shown"),
    [
        ("<&- >&- 2>&-", 0, ""),
        (">&-", 0, ""),
        ("2>&-", 0, "1 rows, 0 defects"),
        ("2>/dev/full", 0, "1 rows, 0 defects"),
        (">/dev/full", 1, "stdout cannot be written (No space left on device)"),
        ("> >(exec true); exit $?", 0, ""),
    ],
)
def test_command_ends_well_whatever_its_streams_are(words: str, code: int, shown: str, tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text(_SOUND)
    ended, printed = _ended(words, _LINT, tmp_path)
    assert (ended, "Traceback" in printed) == (code, False)
    assert shown in printed


def test_file_does_not_get_the_number_of_a_closed_stream(tmp_path: Path) -> None:
    program = """
import os
from hpa.app.streams import outlast_readers
outlast_readers()
with open("result.csv", "wb") as file:
    os.write(1, b"what a library prints")
    os.system("echo what a program prints")
    file.write(b"row")
"""
    assert _ended("<&- >&-", program, tmp_path) == (0, "")
    assert (tmp_path / "result.csv").read_bytes() == b"row"


def test_slow_reader_that_does_not_let_one_wait_gets_everything(tmp_path: Path) -> None:
    program = """
import os, sys
from hpa.app.streams import outlast_readers
os.set_blocking(1, False)
outlast_readers()
print("x" * 1_000_000)
"""
    assert _ended("| (sleep 0.2; wc -c)", program, tmp_path)[1].strip() == "1000001"
