"""Members of zip archives that may come from strangers: a few kilobytes of them may inflate to gigabytes."""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib

from hpa.core.errors import InputError

DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)
"""What the zip reader raises where bytes of a file were changed: names that are no text, methods that do not exist."""
_MAX_RATIO = 200
_FREE_BYTES = 1 << 20


def check_member(archive: zipfile.ZipFile, name: str, max_bytes: int | None = None) -> None:
    """Do nothing where a member may be inflated.

    Args:
        archive: An open archive.
        name: Of the member.
        max_bytes: How large it may be; None for any size that its compressed one makes plausible: texts of masks shrink
            to a hundredth at best, deflate itself reaches a thousandth.

    Raises:
        InputError: If it may not.
        KeyError: If there is no such member.
    """
    info = archive.getinfo(name)
    limit = _MAX_RATIO * info.compress_size + _FREE_BYTES if max_bytes is None else max_bytes
    if info.file_size > limit:
        raise InputError(
            f"its member {name} inflates to {info.file_size:,} bytes, which is larger than the {limit:,} that are "
            "expected; make the file again"
        )
