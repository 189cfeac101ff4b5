"""How a table of text is stored: its encoding and what separates its cells, as spreadsheets of any country save it."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from itertools import chain

WINDOWS = "cp1252"
_BYTE_ORDER_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_SEPARATORS = (",", ";", "\t")
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[,;\t]*\r?\n?')


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
