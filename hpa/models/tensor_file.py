"""Files of torch.save as tensors and plain values; no code of a file is ever run."""

from __future__ import annotations

import zipfile
from argparse import Namespace
from pathlib import Path
from typing import Any

import torch

from hpa.core.zip_members import DAMAGE, check_member


class UnreadableError(ValueError):
    """A file is damaged, holds more than tensors and plain values, or would run code if it were unpickled."""


def load_plain(path: Path, mmap: bool = False) -> Any:
    """Return what torch.save wrote, on the CPU; settings of a command line (`Namespace`) count as plain values.

    Args:
        path: The file.
        mmap: Whether to map tensors from disk: what is not used takes no memory.

    Raises:
        UnreadableError: If the file cannot be read so; with the first line of the reason.
    """
    require_checksums(path)
    try:
        with torch.serialization.safe_globals([Namespace]):  # many checkpoints keep `args` beside their weights
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)
    except Exception as error:  # damaged pickles fail in any way: KeyError, IndexError, TypeError, AssertionError …
        raise UnreadableError(first_line(error)) from error


def require_checksums(path: Path) -> None:
    """Hold each member of a file of torch.save against its checksum, which torch does not (0.7 s a GB).

    Raises:
        UnreadableError: If a member was changed, or inflates beyond what it may.
    """
    try:
        if not zipfile.is_zipfile(path):  # as torch wrote before 1.6
            return
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                check_member(archive, member)
            wrong = archive.testzip()
    except (*DAMAGE, OSError) as error:
        raise UnreadableError(first_line(error)) from error
    if wrong is not None:
        raise UnreadableError(f"the checksum of its member {wrong} differs")


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, its type where it has none."""
    return str(error).partition("\n")[0] or type(error).__name__
