"""The command blocks of the first page and of the tutorials run, one after the other, in an empty folder.

Words are those of the page; `tests/docs/small_words.py` makes data sets and trainings small. Blocks that are marked
`text` or indented need what a test has not (a cluster, downloads, a repository); `test_commands.py` composes those.
"""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.small_words import ROOT, smaller

_TUTORIALS = ("first_submission", "own_images", "cluster")
PAGES = ["README.md", "docs/plugins.md", *(f"docs/tutorials/{name}.md" for name in _TUTORIALS)]
BEFORE = {
    "docs/tutorials/cluster.md": """
hpa synth DIR --images 16 --size 256 --seed 1
python train.py data=kaggle_hpa data.root=DIR model=tiny run_dir=RUN
"""
}
"""What a page takes to be there."""


def blocks(page: str) -> list[str]:
    return re.findall(r"```sh\n(.*?)```", (ROOT / page).read_text(), flags=re.DOTALL)


@pytest.fixture
def shell(warm, tmp_path: Path):
    """Run lines in an empty folder, where `python` and `hpa` are small."""
    programs, work = tmp_path / "programs", tmp_path / "work"
    programs.mkdir()
    work.mkdir()
    for name in ("python", "hpa"):
        program = programs / name
        words = f'"{sys.executable}" -S "{ROOT}/tests/docs/small_words.py" "{warm.address}" {name}'
        program.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        program.chmod(program.stat().st_mode | stat.S_IEXEC)
    env = os.environ | {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HPA_CACHE": str(tmp_path / "cache"),
    }

    def run(lines: str) -> subprocess.CompletedProcess[str]:
        script = ["bash", "-euo", "pipefail", "-c", lines]
        return subprocess.run(script, cwd=work, env=env, capture_output=True, text=True, check=False)

    return run


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_blocks_run_in_their_order(page, shell):
    assert blocks(page)
    for block in [BEFORE.get(page, ""), *blocks(page)]:
        done = shell(block)
        assert done.returncode == 0, f"{block}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_block_that_fails_is_found(shell):
    assert shell("hpa doctor nothing\n").returncode == 1


def test_only_sizes_are_added():
    assert smaller(["python", "train.py", "loss=focal"]) == ["train.py", "loss=focal", "size=tiny"]
    assert smaller(["python", "train.py", "--help"]) == ["train.py", "--help"]
    assert smaller(["hpa", "lint", "a.csv"]) == ["hpa", "lint", "a.csv"]
