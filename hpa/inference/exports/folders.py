"""Exports that are folders: those of all blocks become one, in the place of an older one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from hpa.core.whole_file import take_name
from hpa.inference.exports.beside import beside


def sync(folder: Path) -> None:
    """Make sure that all files in a folder are on disk."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def gather(parts: Sequence[Path], out: Path, suffix: str) -> None:
    """Put the files of the folders of all blocks into the folder of a kind beside a submission."""
    result = beside(out, suffix)
    gathered = result.with_name(f".{result.name}.part")
    shutil.rmtree(gathered, ignore_errors=True)
    gathered.mkdir()
    for part in parts:
        # not moved, so that joining can be repeated
        shutil.copytree(part, gathered, copy_function=_link, dirs_exist_ok=True)
    if result.is_dir():
        shutil.rmtree(result)
    take_name(gathered, result)


def _link(source: str, target: str) -> None:
    """Give a file a second name, or copy it where the file system cannot."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
