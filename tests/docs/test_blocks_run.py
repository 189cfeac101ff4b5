"""The command blocks of all pages run, one after the other, each page in a folder of its own.

Words are those of the page; `small_words.py` makes data sets and trainings small, `page_folders.py` says what a page
takes to be there, and which commands cannot run here. `test_commands.py` composes those.
"""

import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, blocks, commands
from tests.docs.page_folders import GIVEN, MAKE, NOT_RUN, THOROUGH
from tests.docs.small_words import smaller
from tests.docs.test_references import PAGES

Shell = Callable[[str, Path], subprocess.CompletedProcess[str]]


def commands_of(page: str) -> list[str]:
    return [command for block in blocks(page) for command in commands(block)]


def reason_against(command: str) -> str | None:
    """Return why a command cannot run here, or None."""
    return next((reason for pattern, reason in NOT_RUN.items() if re.search(pattern, command)), None)


WITH_BLOCKS = [name for name in (str(page.relative_to(ROOT)) for page in PAGES) if blocks(name)]
RUN = [name for name in WITH_BLOCKS if any(not reason_against(line) for line in commands_of(name))]


@pytest.fixture(scope="session")
def shell(warm, tmp_path_factory) -> Shell:
    """Run lines in a folder, where `python` and `hpa` are small."""
    programs = tmp_path_factory.mktemp("programs")
    for name in ("python", "hpa"):
        program = programs / name
        words = f'"{sys.executable}" -S "{ROOT}/tests/docs/small_words.py" "{warm.address}" {name}'
        program.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        program.chmod(program.stat().st_mode | stat.S_IEXEC)
    env = os.environ | {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PROJECT": str(ROOT),
        "MADE": str(programs.parent / "made"),
        "HPA_CACHE": str(tmp_path_factory.mktemp("cache")),
    }

    def run(lines: str, folder: Path) -> subprocess.CompletedProcess[str]:
        script = ["bash", "-euo", "pipefail", "-c", lines]
        return subprocess.run(script, cwd=folder, env=env, capture_output=True, text=True, check=False)

    return run


@pytest.fixture(scope="session")
def made(shell, tmp_path_factory) -> None:
    """What several pages take to be there, in `$MADE`."""
    folder = tmp_path_factory.getbasetemp() / "made"
    folder.mkdir()
    succeed(shell, MAKE, folder)


def succeed(shell: Shell, lines: str, folder: Path) -> None:
    done = shell(lines, folder)
    assert done.returncode == 0, f"{lines}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=[pytest.mark.thorough] if page in THOROUGH else []) for page in RUN]
)
def test_blocks_run_in_their_order(page, shell, made, tmp_path):
    if "HPA_SAMPLES" in GIVEN.get(page, "") and "HPA_SAMPLES" not in os.environ:
        pytest.skip("HPA_SAMPLES is not set: real sample images are not at hand")
    succeed(shell, GIVEN.get(page, ""), tmp_path)
    for block in blocks(page):
        succeed(shell, "".join(line for line in commands(block) if not reason_against(line)), tmp_path)


@pytest.mark.slow
def test_a_block_that_fails_is_found(shell, tmp_path):
    assert shell("hpa doctor nothing\n", tmp_path).returncode == 1


def test_what_is_not_run_and_what_is_given_is_on_the_pages():
    lines = [line for page in WITH_BLOCKS for line in commands_of(page)]
    assert [pattern for pattern in NOT_RUN if not any(re.search(pattern, line) for line in lines)] == []
    assert {*GIVEN, *THOROUGH} - {*WITH_BLOCKS} == set()


def test_only_sizes_are_added():
    assert smaller(["python", "train.py", "loss=focal"]) == ["train.py", "loss=focal", "size=tiny"]
    assert smaller(["python", "train.py", "--help"]) == ["train.py", "--help"]
    assert smaller(["hpa", "lint", "a.csv"]) == ["hpa", "lint", "a.csv"]
