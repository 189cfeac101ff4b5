"""How a table of text is stored: its encoding and what separates its cells, as spreadsheets of any country save it.

Tables may be compressed by gzip; the first bytes of a file decide, not its name.
"""

from __future__ import annotations

import codecs
import gzip
import io
import os
import re
import zlib
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from hpa.core.errors import InputError
from hpa.core.file_names import require_no_device

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

WINDOWS = "cp1252"
_BYTE_ORDER_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_SEPARATORS = (",", ";", "\t")
GZIP_SUFFIX = ".gz"
_GZIP = b"\x1f\x8b"
MAX_INFLATED_BYTES = 1 << 31  # the largest submission of the competition's size takes a third
MAX_BYTES = 1 << 36  # also of a file that is full of holes
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[,;\t]*\r?\n?')


def table_file(path: Path) -> Path:
    """Return where a table lies: at its path, or compressed beside it (`train.csv.gz`) where only that is there."""
    if path.exists():
        return path
    compressed = path.with_name(path.name + GZIP_SUFFIX)
    return compressed if compressed.is_file() else path


def open_table(path: Path, max_bytes: int = MAX_BYTES) -> io.BufferedReader:
    """Open a table to read the bytes of its text, inflated where gzip compressed it; `table_file` says where it lies.

    Reading raises `InputError` where a compressed table is damaged, or larger than any table can be.

    Raises:
        InputError: If it is a device, a pipe or a socket.
        OSError: If the file cannot be opened.
    """
    require_no_device(path)
    file = path.open("rb")
    if (size := os.fstat(file.fileno()).st_size) > max_bytes:
        file.close()
        raise InputError(f"{path}: {size:,} bytes, a table has at most {max_bytes:,} here; save it in parts.")
    is_compressed = file.peek(2)[:2] == _GZIP
    return io.BufferedReader(_Inflated(path, file)) if is_compressed else file


class _Inflated(io.RawIOBase):
    """The bytes that gzip compressed, as many as a table may have."""

    def __init__(self, path: Path, file: io.BufferedReader) -> None:
        super().__init__()
        self._path, self._file, self._count = path, file, 0
        self._stream = gzip.GzipFile(fileobj=file)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        try:
            count = self._stream.readinto(buffer)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(
                f"{self._path}: the compressed table is damaged ({error}); copy or compress it again."
            ) from error
        self._count += count
        if self._count > MAX_INFLATED_BYTES:
            raise InputError(
                f"{self._path}: inflates to more than {MAX_INFLATED_BYTES:,} bytes, the limit of a table; save it in "
                "parts."
            )
        return count

    def close(self) -> None:
        self._stream.close()
        self._file.close()
        super().close()


def encoding_of(blocks: Iterable[bytes]) -> str:
    r"""Return the encoding of a text that comes in blocks: by its byte order mark, else UTF-8 where all of it is that.

    Bytes with zeros among them are no text of Windows: they are left to UTF-8, whose reader says that they are none.

    >>> encoding_of(["ä".encode()]), encoding_of(["ä".encode("cp1252")]), encoding_of(["ä".encode("utf-16")])
    ('utf-8', 'cp1252', 'utf-16')
    >>> encoding_of([b"PK\0\x80"])
    'utf-8'
    """
    rest = iter(blocks)
    first = next(rest, b"")
    marked = next((name for mark, name in _BYTE_ORDER_MARKS.items() if first.startswith(mark)), None)
    if marked is not None:
        return marked
    decoder = codecs.getincrementaldecoder("utf-8")()
    has_zeros = False
    try:
        for block in chain([first], rest):
            has_zeros = has_zeros or b"\0" in block
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "utf-8" if has_zeros else WINDOWS
    return "utf-8"


def declared_separator(first_line: str) -> str | None:
    """Return the separator that the first line of a table of Excel declares, None where it is no such line.

    >>> declared_separator("sep=;"), declared_separator("ID;class")
    (';', None)
    """
    found = _SEPARATOR_LINE.fullmatch(first_line)
    return None if found is None else found[1]


def separator_of(name: str, header: str) -> str:
    r"""Return what separates the cells of a table: a tab in .tsv, else what the header has most of outside quotes.

    >>> separator_of("a.csv", 'ID;"a,b,c"'), separator_of("a.tsv", "ID,a")
    (';', '\t')
    """
    if name.lower().endswith((".tsv", ".tsv.gz")):
        return "\t"
    return max(_SEPARATORS, key="".join(header.split('"')[::2]).count)
