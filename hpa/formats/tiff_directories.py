"""The chain of directories of a TIFF file, one a page: each names the place of the next, and a damaged one a former.

tifffile follows the chain to its end, which one that bites its own tail does not have.
"""

from __future__ import annotations

import struct
from io import BufferedIOBase
from pathlib import Path

import tifffile

from hpa.core.errors import InputError

_CLASSIC, _BIG = 42, 43


def require_end(path: Path, file: BufferedIOBase) -> None:
    """Do nothing where the directories of a file end; where it is no TIFF file either, which its reader names.

    Args:
        path: The file, for the message.
        file: Its content; is read from the start, and left there.

    Raises:
        InputError: If a directory follows one of which it is the beginning.
    """
    file.seek(0)
    try:
        _follow(path, file)
    except struct.error:  # cut short
        pass
    finally:
        file.seek(0)


def _follow(path: Path, file: BufferedIOBase) -> None:
    order = {b"II": "<", b"MM": ">"}.get(file.read(2))
    if order is None:
        return
    (version,) = struct.unpack(f"{order}H", file.read(2))
    if version not in (_CLASSIC, _BIG):
        return
    place_format, count_format, entry_bytes = ("I", "H", 12) if version == _CLASSIC else ("Q", "Q", 20)
    if version == _BIG:
        file.seek(8)
    place_bytes, count_bytes = struct.calcsize(place_format), struct.calcsize(count_format)
    seen: set[int] = set()
    (place,) = struct.unpack(order + place_format, file.read(place_bytes))
    while place:
        if place in seen:
            raise InputError(
                f"{path}: the file is damaged or cut short (after page {len(seen)} it begins again); copy or export it "
                "again."
            )
        seen.add(place)
        file.seek(place)
        (count,) = struct.unpack(order + count_format, file.read(count_bytes))
        file.seek(min(place + count_bytes + entry_bytes * count, 1 << 62))
        (place,) = struct.unpack(order + place_format, file.read(place_bytes))


def copy_notes(series: tifffile.TiffPageSeries) -> list[str]:
    """Return what is left out of a series: copies that say what they are, and pages that only have the size of one."""
    pages = [level.keyframe for level in series.levels[1:]]
    marked = sum(page.is_subifd or page.is_reduced for page in pages)
    notes = [f"smaller copies left out: {marked}"] if marked else []
    unmarked = [f"{page.imagewidth}×{page.imagelength} px" for page in pages if not (page.is_subifd or page.is_reduced)]
    if unmarked:
        notes.append(
            f"smaller pages ({', '.join(unmarked)}) are taken for copies and left out, their header does not say"
        )
    return notes
