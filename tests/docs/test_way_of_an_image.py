"""The files that docs/architecture.md lists on the way of an image to a loss and to a row all work on it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from hpa.cli import main

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text()
TRACE = """
import runpy, sys, threading
ran = set()
def profile(frame, event, _):
    code = frame.f_code
    if event == "call" and code.co_name not in ("<module>", "__init__", "__post_init__"):
        ran.add(code.co_filename)
threading.setprofile(profile)
sys.setprofile(profile)
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as stop:
    assert not stop.code, stop.code
finally:
    sys.setprofile(None)
    print(*ran, sep="\\n")
"""


def listed(start: str, end: str) -> list[str]:
    """Return the files that the page names between two phrases, each once."""
    part = PAGE[PAGE.index(start) : PAGE.index(end)]
    return list(dict.fromkeys(re.findall(r"`(hpa/[\w/]+\.py)`", part)))


def files_run(script: str, *words: str) -> set[str]:
    """Run a script of the project and return its files in which a function ran."""
    program = TRACE.replace("sys.argv[0]", repr(str(ROOT / script)))
    command = [sys.executable, "-c", program, *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    return {line.removeprefix(f"{ROOT}/") for line in done.stdout.splitlines()}


def test_every_listed_file_works_on_the_image(tmp_path, monkeypatch):
    monkeypatch.setenv("HPA_CACHE", str(tmp_path / "cache"))
    data = tmp_path / "data"
    words = ["--images", "14", "--test-images", "2", "--size", "256", "--seed", "5", "--workers", "1"]
    assert main(["synth", str(data), *words]) == 0
    shared = ["data=kaggle_hpa", f"data.root={data}"]
    tiny = ["size=tiny", "model=tiny", "trainer.accelerator=cpu", "report=false", f"run_dir={tmp_path / 'run'}"]
    to_loss, to_row = listed("To a loss", "To a row"), listed("To a row", "## The seam")
    assert len(to_loss) < 24
    assert len(to_row) < 27
    missing = set(to_loss) - files_run("train.py", *shared, *tiny)
    assert not missing
    out = ["device=cpu", f"ckpt={tmp_path / 'run'}", f"out={tmp_path / 'out.csv'}"]
    missing = set(to_row) - files_run("infer.py", *shared, *out)
    assert not missing
