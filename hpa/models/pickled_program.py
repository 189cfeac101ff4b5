"""A pickle is a program of a stack machine; a few of its bytes may request gigabytes before any object is made."""

from __future__ import annotations

import mmap
import pickletools
from io import BytesIO
from typing import IO, cast

Stream = BytesIO | mmap.mmap
"""What never reads more than there is, whatever length is requested."""
_MEMO = ("PUT", "BINPUT", "LONG_BINPUT")


def check_program(stream: Stream) -> None:
    """Do nothing where the pickle at the stream's place requests no more memory than its own length explains.

    The interpreter in C allocates what a length promises, and a memo as long as its highest index, before it reads on.

    Args:
        stream: Left where it was.

    Raises:
        ValueError: If it requests more, is cut off, or no pickle.
    """
    start = stream.tell()
    stream.seek(0, 2)
    end = stream.tell()
    stream.seek(start)
    for opcode, argument, place in pickletools.genops(cast("IO[bytes]", stream)):
        behind = (place or 0) - start
        if opcode.name in _MEMO and isinstance(argument, int) and argument > behind:
            raise ValueError(f"a pickle that keeps {argument:,} objects within its first {behind:,} bytes")
        if opcode.name == "FRAME" and isinstance(argument, int) and argument > end - start:
            raise ValueError(f"a pickle of {end - start:,} bytes with a part of {argument:,}")
    stream.seek(start)
