"""The one rule for outputs: nothing of a user's is written over.

Of a folder that is written as one (`also=label_maps`), the same holds for all that is in it.

A file that exists is written over only where the same command of this program made it and nobody changed it since, or
with `--overwrite`. A file that a command reads is never one that it writes, `--overwrite` or not. What commands made
stands in lists in the cache of the user (`$HPA_CACHE/outputs`): path, command and digest of the content, one JSON line
a file, so that nothing lies beside the outputs. A page that was edited, a table that was corrected, a file that another
program put there or that was moved here is kept.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from hpa.core.digest import digest_of_bytes, digest_of_values, sha256_of_file
from hpa.core.errors import InputError
from hpa.core.table_text import GZIP_SUFFIX
from hpa.core.whole_file import before_rename, require_replaceable, whole_file

_SHOWN = 3


@contextmanager
def guarded_outputs(
    paths: Iterable[Path], command: str, *, inputs: Iterable[Path] = (), overwrite: bool = False
) -> Iterator[None]:
    """Check files before they are written, and list them as made by this command before each takes its name.

    A kill between the two leaves an entry without a file, never a file that the repeated command would refuse.

    Args:
        paths: Files that will be written.
        command: Name of the command that writes them.
        inputs: Files that it reads; of a folder the files right in it.
        overwrite: Whether files of others may be written over.

    Raises:
        InputError: As `check_outputs`.
    """
    listed = list(paths)
    check_outputs(listed, command, inputs=inputs, overwrite=overwrite)
    announced: set[Path] = set()

    def announce(path: Path, part: Path) -> None:
        if path in listed:
            list_output(path, command, part)
            announced.add(path)

    with before_rename(announce):
        yield
    for path in listed:  # those that another thread or library wrote
        if path not in announced and path.exists():
            list_output(path, command, path)


def require_page_name(path: Path) -> None:
    """Refuse a page whose name does not end in .html.

    Raises:
        InputError: Naming it.
    """
    if path.suffix.lower() != ".html":
        raise InputError(f"--out {path}: a name that ends in .html is expected.")


def check_outputs(paths: Iterable[Path], command: str, *, inputs: Iterable[Path] = (), overwrite: bool = False) -> None:
    """Do nothing where files may be written.

    Raises:
        InputError: If one of them is an input, or exists and was not made by this command or was changed since; or if
            its name says that it is compressed.
    """
    listed = list(paths)
    if compressed := [path for path in listed if path.suffix.lower() == GZIP_SUFFIX]:
        raise InputError(
            f"{_named(compressed)}: nothing is written compressed; name it without {GZIP_SUFFIX}, and compress it "
            "afterwards (gzip FILE). Compressed tables are read everywhere."
        )
    for path in listed:
        require_replaceable(path)
    read = {_resolved(file) for file in _files_of(inputs)}
    if both := [path for path in listed if _resolved(path) in read]:
        raise InputError(f"{_named(both)}: is read by this command and would be written over; name another output.")
    if overwrite:
        return
    foreign = [path for path in listed if _is_there(path) and not is_own_output(path, command)]
    if foreign:
        raise InputError(
            f"{_named(foreign)}: exists and was not made by 'hpa {command}', or was changed since; name another "
            "output, or write over it with --overwrite (infer.py: overwrite=true)."
        )


def _is_there(path: Path) -> bool:
    """Return whether a path is taken; a link counts, wherever it leads."""
    return path.exists() or path.is_symlink()


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except RuntimeError:  # a link that leads to itself: whoever opens it reports it
        return path.absolute()


def is_own_output(path: Path, command: str) -> bool:
    """Return whether this command made a file and nobody changed it since."""
    try:
        lines = _list_of(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    wanted = (str(path.resolve()), command)
    digests = [entry["sha256"] for entry in map(_entry, lines) if (entry["path"], entry["command"]) == wanted]
    return bool(digests) and path.exists() and _digest_of(path) in digests


@contextmanager
def output_file(path: Path, command: str, bytes_needed: int | None = None) -> Iterator[BinaryIO]:
    """Give a file to write to, as `whole_file`, that is listed as made by a command from the moment it appears."""
    with before_rename(lambda place, part: list_output(place, command, part)), whole_file(path, bytes_needed) as file:
        yield file


def list_output(path: Path, command: str, content: Path) -> None:
    """List a file or folder as made by a command; `content` is itself, or what will be renamed to it."""
    entry = {"path": str(path.resolve()), "command": command, "sha256": _digest_of(content)}
    line = json.dumps(entry, ensure_ascii=False)
    try:
        listing = _list_of(path)
        listing.parent.mkdir(parents=True, exist_ok=True)
        with listing.open("a", encoding="utf-8") as file:
            file.write(line + "\n")  # one short write: lines of several processes do not mix
    except OSError:
        return  # the next run will require --overwrite


def _digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, or of the names and contents in a folder."""
    if path.is_file():
        return sha256_of_file(path)
    files = sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())
    return digest_of_values([[name, sha256_of_file(path / name)] for name in files])


def _list_of(path: Path) -> Path:
    """Return the list that a file would stand in: one of 256, by its path."""
    cache = Path(os.environ.get("HPA_CACHE") or Path(os.environ.get("HOME", ".")) / ".cache" / "hpa")
    return cache / "outputs" / f"{digest_of_bytes(str(path.resolve()).encode())[:2]}.jsonl"


def _entry(line: str) -> dict[str, str]:
    """Return an entry of the list, an empty one where a line was cut short."""
    empty = {"path": "", "command": "", "sha256": ""}
    try:
        content = json.loads(line)
    except ValueError:
        return empty
    return empty | content if isinstance(content, dict) else empty


def _files_of(inputs: Iterable[Path]) -> Iterator[Path]:
    for path in inputs:
        if path.is_dir():
            yield from (child for child in path.iterdir() if child.is_file())
        else:
            yield path


def _named(paths: list[Path]) -> str:
    return ", ".join(map(str, paths[:_SHOWN])) + (f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else "")
