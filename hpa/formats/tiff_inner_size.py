"""JPEG and JPEG 2000 within TIFF have a header of their own; what it says is decoded, whatever the TIFF says."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from hpa.core.errors import InputError

_JPEG = frozenset((6, 7, 33007))
_JPEG_2000 = frozenset((33003, 33004, 33005, 34712))
SIZED = _JPEG | _JPEG_2000
"""Numbers of the compressions in TIFF."""
_HEAD_BYTES = 1 << 16
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of JPEG that begin a frame (ISO/IEC 10918-1, table B.1)."""
_CODESTREAM = b"\xff\x4f\xff\x51"
"""Begin of a JPEG 2000 codestream (ISO/IEC 15444-1, A.5.1): the size stands behind it."""


def require_inner_size(path: Path, page: Any) -> None:
    """Do nothing where the compressed parts of a page are as large as its tiles or strips.

    Args:
        path: The file.
        page: Of tifffile.

    Raises:
        InputError: If one is larger: decoders allocate what it says.
    """
    height = page.tilelength if page.is_tiled else min(page.rowsperstrip or page.imagelength, page.imagelength)
    width = page.tilewidth if page.is_tiled else page.imagewidth
    size_of = _jpeg_size if int(page.compression) in _JPEG else _jpeg_2000_size
    for start, count in zip(page.dataoffsets, page.databytecounts, strict=True):
        with path.open("rb") as file:
            file.seek(start)
            found = size_of(file.read(min(count, _HEAD_BYTES)))
        if found is not None and (found[0] > height or found[1] > width):
            raise InputError(
                f"{path}: the file is damaged: a part of {width}×{height} px holds one of {found[1]}×{found[0]} px; "
                "copy or export it again."
            )


def _jpeg_size(head: bytes) -> tuple[int, int] | None:
    """Return height and width in px of the first frame; None where it does not begin here."""
    place = 2
    while place + 9 <= len(head) and head[place] == 0xFF:
        if head[place + 1] in _FRAMES:
            height, width = struct.unpack_from(">HH", head, place + 5)
            return height, width
        place += 2 + struct.unpack_from(">H", head, place + 2)[0]
    return None


def _jpeg_2000_size(head: bytes) -> tuple[int, int] | None:
    place = head.find(_CODESTREAM)
    if place < 0 or place + 16 > len(head):
        return None
    width, height, left, top = struct.unpack_from(">IIII", head + bytes(8), place + 8)
    return height - top, width - left
