"""The files that docs/architecture.md lists on the way of an image to a loss and to a row all work on it."""

import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from hpa.app.infer import infer
from hpa.app.train import train
from hpa.cli import main
from hpa.config import plain
from hpa.overrides import compose_config

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text()


def listed(start: str, end: str) -> list[str]:
    """Return the files that the page names between two phrases, each once."""
    part = PAGE[PAGE.index(start) : PAGE.index(end)]
    return list(dict.fromkeys(re.findall(r"`(hpa/[\w/]+\.py)`", part)))


def files_run(run: Callable[[], int]) -> set[str]:
    """Return the files of the project in which a function ran."""
    ran = set()

    def profile(frame, event, _) -> None:
        code = frame.f_code
        if event == "call" and code.co_name not in ("<module>", "__init__", "__post_init__"):
            ran.add(code.co_filename)

    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        assert run() == 0
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return {name.removeprefix(f"{ROOT}/") for name in ran}


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
    training = plain(compose_config(ROOT, "train", [*shared, *tiny]))
    missing = set(to_loss) - files_run(lambda: train(training, {"model": "tiny", "loss": "focal"}, None))
    assert not missing
    out = ["device=cpu", f"ckpt={tmp_path / 'run'}", f"out={tmp_path / 'out.csv'}"]
    inference = plain(compose_config(ROOT, "infer", [*shared, *out]))
    missing = set(to_row) - files_run(lambda: infer(inference))
    assert not missing
