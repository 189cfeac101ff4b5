"""Where files beside a submission lie, and what killed runs left of them."""

from __future__ import annotations

from pathlib import Path

from hpa.core.whole_file import remove_orphans

_TABLE = ".csv"


def beside(out: Path, suffix: str) -> Path:
    """Return the file of a kind beside a submission or a part of one, without what killed runs left of it.

    Only the ending of a table is dropped: `part.1` and `part.2` are two parts.

    >>> beside(Path("submission.csv"), ".h5ad").name, beside(Path("part.1"), ".h5ad").name
    ('submission.h5ad', 'part.1.h5ad')
    """
    path = place_beside(out, suffix)
    remove_orphans(path)
    return path


def place_beside(out: Path, suffix: str) -> Path:
    """Return the same, and touch nothing."""
    return out.with_name(out.name.removesuffix(_TABLE) + suffix)
