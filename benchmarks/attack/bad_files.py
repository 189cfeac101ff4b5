"""Contents of files as `bad_input` writes them: sound ones of every format, and hostile ones."""

from __future__ import annotations

import base64
import io
import struct
import zipfile
import zlib
from collections.abc import Callable

import numpy as np
import tifffile


def packed_of(content: bytes) -> bytes:
    """Return base64 of zlib of a content."""
    return base64.b64encode(zlib.compress(content))


def zip_of(**members: bytes) -> bytes:
    """Return a zip of members; `_json` in a name stands for `.json`."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_json", ".json"), content)
    return file.getvalue()


def tiff_of(array: np.ndarray) -> bytes:
    """Return a TIFF of one page."""
    file = io.BytesIO()
    tifffile.imwrite(file, array)
    return file.getvalue()


def huge_tiff() -> bytes:
    """Return a TIFF of a few hundred bytes whose header says 100,000 x 100,000 px."""
    sound = tiff_of(np.zeros((4, 4), np.uint16))
    changed = bytearray(sound)
    first = struct.unpack_from("<I", sound, 4)[0]
    for entry in range(struct.unpack_from("<H", sound, first)[0]):
        place = first + 2 + 12 * entry
        if struct.unpack_from("<H", sound, place)[0] in (256, 257):
            struct.pack_into("<HI", changed, place + 2, 4, 1)
            struct.pack_into("<I", changed, place + 8, 100_000)
    return bytes(changed)


class Trap:
    """Prints when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return print, ("Traceback: the file was run",)


def npy_header_of(shape: tuple[int, ...]) -> bytes:
    """Return the header of a `.npy` file of numbers, without any of them."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<u2", "fortran_order": False, "shape": shape})
    return file.getvalue()


def cellpose_of(content: object) -> bytes:
    """Return a `.npy` file of one object, as Cellpose writes it."""
    file = io.BytesIO()
    np.save(file, np.array(content, dtype=object), allow_pickle=True)
    return file.getvalue()
