"""Files of metadata in a Zarr folder, which name each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hpa.core.errors import InputError
from hpa.core.json_file import read_json


def array_file(array: Path) -> Path | None:
    """Return the metadata file of an array, None where it is not there."""
    return next((array / name for name in ("zarr.json", ".zarray") if (array / name).is_file()), None)


def shape_of(array: Path) -> list[int]:
    """Return the shape of an array, [] where it is not there: a smaller copy need not be."""
    file = array_file(array)
    return [] if file is None else [int(length) for length in read_object(file).get("shape", [])]


def read_object(file: Path) -> dict[str, Any]:
    """Return the JSON object of a file.

    Raises:
        InputError: If it cannot be read, or is none.
    """
    try:
        content = read_json(file)
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: cannot be read as JSON ({error}); copy the whole folder again.") from error
    if not isinstance(content, dict):
        raise InputError(f"{file}: an object is expected; copy the whole folder again.")
    return content


def folder_inside(root: Path, folder: Path) -> Path:
    """Return a folder that metadata name; it must lie inside the image."""
    if not folder.resolve().is_relative_to(root.resolve()):
        raise InputError(f"{root}: its metadata name {folder}, outside the image; export it again.")
    return folder
