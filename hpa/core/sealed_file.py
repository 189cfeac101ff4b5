"""Files that end with a checksum of their content, verified when they are read.

The seal is a mark and the CRC-32 of all before it. Readers of `.npy` and TIFF pass over it; ours verify it, so that a
byte that flipped on the disk is an error and never a wrong number. CRC-32 finds every change within 32 neighbouring
bits for certain, others but for one in four billion; zlib computes 3 GB/s of it.
"""

from __future__ import annotations

import io
import mmap
import struct
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from hpa.core.errors import InputError
from hpa.core.whole_file import whole_file

SEAL_BYTES = 12
_MARK = b"hpa-crc\x01"
_SEAL = struct.Struct("<8sI")


class DamagedFileError(InputError):
    """A stored file is missing, or not what was written."""


def write_sealed(path: Path, *parts: bytes | memoryview) -> None:
    """Write a file of these parts and its seal, whole or not at all.

    Raises:
        WriteError: If the disk is full, or the folder cannot be written to.
    """
    total = 0
    with whole_file(path, sum(memoryview(part).nbytes for part in parts) + SEAL_BYTES) as file:
        for part in parts:
            total = zlib.crc32(part, total)
            file.write(part)
        file.write(_SEAL.pack(_MARK, total))


def read_sealed(path: Path) -> memoryview:
    """Return the content of a file without its seal.

    Raises:
        DamagedFileError: If the file is missing, cut short or changed.
    """
    try:
        content = memoryview(path.read_bytes())
    except OSError as error:
        raise unreadable(path, error) from error
    return _checked(path, content)


def verify(path: Path) -> None:
    """Read a file from end to end and compare it with its seal, without holding it in memory.

    Raises:
        DamagedFileError: If the file is missing, cut short or changed.
    """
    try:
        with path.open("rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise unreadable(path, error) from error
    except ValueError as error:  # an empty file cannot be mapped
        raise damaged(path, "it is empty") from error
    _checked(path, memoryview(content))


def write_array(path: Path, array: Shaped[np.ndarray, "*axes"]) -> None:
    """Write an array as a sealed `.npy` file.

    Raises:
        WriteError: If the disk is full, or the folder cannot be written to.
    """
    array = np.ascontiguousarray(array)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(array))
    # not np.save: it reports a full disk as an error without a number
    write_sealed(path, header.getvalue(), array.reshape(-1).view(np.uint8).data)


def read_array(path: Path) -> Shaped[np.ndarray, "*axes"]:
    """Return the array of a sealed `.npy` file; it cannot be written to.

    Raises:
        DamagedFileError: If the file is missing, cut short or changed.
    """
    content = read_sealed(path)
    try:
        shape, dtype, start = array_layout(io.BytesIO(content))
        return np.frombuffer(content, dtype, offset=start).reshape(shape)
    except ValueError as error:
        raise damaged(path, str(error)) from error


def array_layout(file: io.BufferedIOBase) -> tuple[tuple[int, ...], np.dtype[np.generic], int]:
    """Return shape, type and first byte of the array in an open `.npy` file.

    Raises:
        ValueError: If the file is none.
    """
    try:
        np.lib.format.read_magic(file)
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    except Exception as error:  # NumPy's parser of damaged headers fails in any way
        raise ValueError(f"its header is none of an array ({error})") from error
    return shape, dtype, file.tell()


def unreadable(path: Path, error: OSError) -> DamagedFileError:
    """Return an error for a stored file that went away or cannot be opened."""
    return DamagedFileError(
        f"{path}: a stored file cannot be read ({error.strerror or error}); run the same command again: what is "
        "missing is made anew."
    )


def damaged(path: Path, reason: str) -> DamagedFileError:
    """Delete a stored file that is not what was written, and return an error that says how it is made anew."""
    try:
        path.unlink(missing_ok=True)
        remedy = "It was deleted: run the same command again and it is made anew."
    except OSError as error:
        remedy = f"Delete it (it could not be deleted here: {error.strerror}) and run the same command again."
    return DamagedFileError(f"{path}: a stored file is damaged: {reason}. {remedy}")


def _checked(path: Path, content: memoryview) -> memoryview:
    end = len(content) - SEAL_BYTES
    if end < 0:
        raise damaged(path, "it is cut short")
    mark, expected = _SEAL.unpack(content[end:])
    found = zlib.crc32(content[:end])
    if mark != _MARK or found != expected:
        raise damaged(path, f"checksum {expected:08x} was expected, came {found:08x}")
    return content[:end]
