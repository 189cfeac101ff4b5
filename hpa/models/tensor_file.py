"""Files of torch.save as tensors and plain values; no code of a file is ever run."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

import torch


class UnreadableError(ValueError):
    """A file is damaged, holds more than tensors and plain values, or would run code if it were unpickled."""


def load_plain(path: Path, mmap: bool = False) -> Any:
    """Return what torch.save wrote, on the CPU; settings of a command line (`Namespace`) count as plain values.

    Args:
        path: The file.
        mmap: Whether to map tensors from disk: what is not used is not read.

    Raises:
        UnreadableError: If the file cannot be read so; with the first line of the reason.
    """
    try:
        with torch.serialization.safe_globals([Namespace]):  # many checkpoints keep `args` beside their weights
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)
    except Exception as error:  # damaged pickles fail in any way: KeyError, IndexError, TypeError, AssertionError …
        raise UnreadableError(first_line(error)) from error


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, its type where it has none."""
    return str(error).partition("\n")[0] or type(error).__name__
