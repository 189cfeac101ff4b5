"""What the label map of an image may be called."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_OME = ".ome"


def label_map_of(paths: Mapping[str, Path], image_id: str) -> Path | None:
    """Return the file of an image out of those of a folder, None where it has none."""
    return next((paths[name] for name in label_map_names(image_id) if name in paths), None)


def label_map_names(image_id: str) -> tuple[str, ...]:
    """Return what the label map of an image may be called, without its suffix.

    >>> label_map_names("a"), label_map_names("a.ome")
    (('a', 'a.ome'), ('a.ome', 'a'))
    """
    without = image_id.removesuffix(_OME)
    return (image_id, without + _OME if image_id == without else without)
