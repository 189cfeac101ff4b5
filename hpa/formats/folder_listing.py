"""What lies in a folder of images: files that are read, and files that are passed over, by name and reason."""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hpa.core.errors import InputError
from hpa.core.file_names import require_text
from hpa.formats import proprietary
from hpa.formats.images import SUFFIXES
from hpa.formats.ome_zarr import SUFFIX as ZARR_SUFFIX

_SHOWN = 8


@dataclass
class FolderListing:
    """The entries of a folder.

    Attributes:
        images: Files (and OME-Zarr folders) of formats that are read, sorted.
        passed_over: All other files, sorted; of folders and hidden files those that have the name of an image.
    """

    images: list[Path] = field(default_factory=list)
    passed_over: list[Path] = field(default_factory=list)


def list_folder(folder: Path) -> FolderListing:
    """Return the files of a folder, not of its folders.

    Raises:
        InputError: If there is no such folder, no image in it, or a name in it that is no text.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: a folder of images was expected, there is none; check the path.")
    listing = FolderListing()
    for path in sorted(folder.iterdir()):
        is_hidden = path.name.startswith(".")
        if is_hidden and not _has_image_suffix(path):
            continue
        require_text(path.name)
        if not is_hidden and is_image_name(path) and not _needs_missing_reader(path):
            listing.images.append(path)
        elif not path.is_dir() or _has_image_suffix(path):
            listing.passed_over.append(path)
    if not listing.images:
        others = f"; {summary_of(listing.passed_over)} there" if listing.passed_over else ""
        known = ", ".join(SUFFIXES)
        below = [path for path in files_below(folder) if is_image_name(path) and path.parent != folder]
        others += f"; {len(below)} lie in folders below: hpa doctor DIR says how to read them" if below else ""
        raise InputError(f"{folder}: images ({known}) were expected, there is none in this folder{others}.")
    return listing


def files_below(folder: Path, seen: set[Path] | None = None) -> list[Path]:
    """Return the files of a folder and its folders, hidden ones left out; an OME-Zarr folder is one file.

    Args:
        folder: Where they lie.
        seen: Folders that were listed: links may lead to one twice, or round without end.

    Raises:
        InputError: If a name is no text.
    """
    found: list[Path] = []
    seen = set() if seen is None else seen
    seen.add(folder.resolve())
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        require_text(path.name)
        if not path.is_dir() or path.suffix.lower() == ZARR_SUFFIX:
            found.append(path)
        elif path.resolve() not in seen:
            found += files_below(path, seen)
    return found


def entries_below(folder: Path, seen: set[Path] | None = None) -> list[Path]:
    """Return the files of a folder and its folders, and whatever else lies there: hidden files, links, pipes.

    Folders are listed where they are hidden, named as images, or an OME-Zarr image; nothing in these is.

    Args:
        folder: Where they lie.
        seen: As of `files_below`.
    """
    found: list[Path] = []
    seen = set() if seen is None else seen
    seen.add(folder.resolve())
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not (path.name.startswith(".") or path.suffix.lower() == ZARR_SUFFIX):
            found += [path] if _has_image_suffix(path) else []
            found += entries_below(path, seen) if path.resolve() not in seen else []
        else:
            found.append(path)
    return found


def is_image_name(path: Path) -> bool:
    """Return whether a file has the suffix of a format that is read; OME-Zarr is a folder, all others are files.

    A link whose file is gone counts: whoever reads it says so.
    """
    if path.suffix.lower() == ZARR_SUFFIX:
        return path.is_dir()
    return _has_image_suffix(path) and (path.is_file() or (path.is_symlink() and not path.exists()))


def _has_image_suffix(path: Path) -> bool:
    return path.suffix.lower() in (*SUFFIXES, *proprietary.SUFFIXES)


def _needs_missing_reader(path: Path) -> bool:
    return path.suffix.lower() in proprietary.SUFFIXES and importlib.util.find_spec("bioio") is None


def summary_of(paths: Sequence[Path] | Sequence[str]) -> str:
    """Return how many files of each suffix there are, and some by name.

    >>> summary_of(["a.jpg", "b.jpg", "c.txt"])
    '3 files (2 .jpg, 1 .txt): a.jpg, b.jpg, c.txt'
    """
    names = [Path(path).name for path in paths]
    counts = Counter(Path(name).suffix.lower() or "no suffix" for name in names)
    kinds = ", ".join(f"{count} {suffix}" for suffix, count in counts.most_common())
    shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    suffixes = {Path(name).suffix.lower() for name in names}
    hint = ""
    if suffixes & {*proprietary.SUFFIXES}:
        hint += f" ({', '.join(proprietary.SUFFIXES)} need {proprietary.EXTRA}, or export as OME-TIFF)"
    if converted := sorted(suffixes & {*proprietary.CONVERTED}):
        hint += f" ({', '.join(converted)}: {proprietary.CONVERSION})"
    return f"{len(names)} file{'s' if len(names) != 1 else ''} ({kinds}): {shown}{hint}"
