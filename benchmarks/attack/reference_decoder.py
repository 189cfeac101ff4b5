"""Masks decoded slowly and plainly, from the definition of their format: what the fast decoder is held against."""

from __future__ import annotations

import base64
import re
import zlib

_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_MAX_GROUPS = 6

Runs = list[tuple[int, int]]
"""First pixel of each run and the pixel after it, down the columns."""


class RefusedError(Exception):
    """The text is no mask of this image."""


def decode(text: str, height: int, width: int) -> Runs:
    """Return the runs of a competition string.

    Raises:
        RefusedError: If it is none, or of another number of pixels.
    """
    return runs_of(counts_of(_inflated(text, 2 * height * width + 16)), height * width)


def decode_column_runs(text: str, height: int, width: int) -> Runs:
    """Return the runs of `start length` pairs.

    Raises:
        RefusedError: If they are none, or not in order, or not inside the image.
    """
    words = text.split()
    if any(re.fullmatch("[0-9]{1,18}", word) is None for word in words) or len(words) % 2:
        raise RefusedError
    runs, free = [], 0
    for start, length in zip(map(int, words[::2]), map(int, words[1::2]), strict=True):
        first, stop = start - 1, start - 1 + length
        # a run begins at or after the end of the one before it
        if length < 1 or first < free or stop > height * width:
            raise RefusedError
        runs.append((first, stop))
        free = stop
    return runs


def counts_of(text: bytes) -> list[int]:
    """Return the counts of a COCO text (whole numbers without limit).

    Raises:
        RefusedError: If it is none.
    """
    counts: list[int] = []
    value = groups = 0
    for byte in text:
        code = byte - 48
        if not 0 <= code < 64:
            raise RefusedError
        value |= (code & 31) << (5 * groups)
        groups += 1
        if groups > _MAX_GROUPS:
            raise RefusedError
        if code & 32:
            continue
        if code & 16:
            value -= 1 << (5 * groups)
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = groups = 0
    if groups or not counts:
        raise RefusedError
    return counts


def runs_of(counts: list[int], size: int) -> Runs:
    """Return the runs that counts of background and cell stand for, in turn.

    Raises:
        RefusedError: If a count is negative, or they are not `size` px in all.
    """
    if min(counts) < 0 or sum(counts) != size:
        raise RefusedError
    runs, position = [], 0
    for place, count in enumerate(counts):
        if place % 2 and count:
            runs.append((position, position + count))
        position += count
    return runs


def write_counts(counts: list[int]) -> bytes:
    """Return the COCO text of counts, whatever they are."""
    text = bytearray()
    for place, count in enumerate(counts):
        value = count - counts[place - 2] if place > 2 else count
        text += write_value(value)
    return bytes(text)


def write_value(value: int, padding: int = 0) -> bytes:
    """Return one value in groups of five bits, lowest first, with so many needless groups at the end."""
    groups: list[int] = []
    while not groups or value != (-1 if groups[-1] & 16 else 0):
        groups.append(value & 31)
        value >>= 5
    groups += [31 if value < 0 else 0] * padding
    return bytes(48 + group + 32 * (place < len(groups) - 1) for place, group in enumerate(groups))


def _inflated(text: str, limit: int) -> bytes:
    if _BASE64.fullmatch(text) is None:
        raise RefusedError
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(base64.b64decode(text), limit + 1)
    except zlib.error as error:
        raise RefusedError from error
    if len(content) > limit or not inflater.eof:
        raise RefusedError
    return content
