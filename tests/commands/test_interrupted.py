"""Commands that make many files end in order at the signal of clusters, and the same command ends what they began."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from hpa.cli import main
from tests.warm import Warm

IMAGES = 150


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    random = np.random.default_rng(0)
    for number in range(IMAGES):
        cv2.imwrite(str(folder / f"a{number:03d}_w1.tif"), random.integers(0, 255, (96, 96), np.uint8))
    return folder


def interrupt(warm: Warm, words: list[str], begun: Callable[[], bool]) -> tuple[int, str]:
    """Run a command that gets SIGTERM once it has begun to write; return its exit code and words."""
    process = warm.start(["hpa", *words])
    while not begun() and process.poll() is None:
        time.sleep(0.001)
    process.terminate()
    _, told = process.communicate()
    return process.wait(), told


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def require_same(warm: Warm, tmp_path: Path, words_to: Callable[[Path], list[str]], begun: Callable[[], bool]) -> None:
    """Interrupt a command, repeat it, and compare what it leaves with what an undisturbed one does."""
    assert main(words_to(tmp_path / "whole")) == 0
    code, told = interrupt(warm, words_to(tmp_path / "cut"), begun)
    assert code == 128 + signal.SIGINT, told
    assert "Traceback" not in told
    assert main(words_to(tmp_path / "cut")) == 0
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")
    assert {path.name for path in tmp_path.iterdir()} == {"whole", "cut"}


@pytest.mark.slow
def test_segment(warm, images, tmp_path, capsys):
    def begun() -> bool:
        return len(list((tmp_path / "cut").glob("*.tif"))) > 1

    require_same(warm, tmp_path, lambda out: ["segment", str(images), str(out), "--pixel-um", "0.4"], begun)
    assert ", 0 kept" not in capsys.readouterr().out.splitlines()[-1]


def test_import(warm, images, tmp_path):
    """Nothing appears before everything is there."""

    def begun() -> bool:
        return len(list(tmp_path.glob(".cut.*.part/images/*"))) > 1

    words = ["--channels", "w1=blue", "--pixel-um", "0.5"]
    require_same(warm, tmp_path, lambda out: ["import", str(images), str(out), *words], begun)
