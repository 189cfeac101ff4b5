"""Numbers with their noun, as messages and pages name them."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless it is one.

    >>> counted(1, "image"), counted(21806, "image")
    ('1 image', '21,806 images')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
