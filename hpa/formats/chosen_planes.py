"""Which planes of a file are read: the scene, time and slices that a user chose, after a check of the header."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from hpa.core.errors import InputError
from hpa.formats.image_header import ImageHeader, Scene, StackChoice, check_readable, pick_scene, pick_slices


class ChosenPlanes(NamedTuple):
    """What is read of a file.

    Attributes:
        scene: Index of the scene.
        time: Index of the time point.
        slices: Indices along Z; their maximum is taken.
    """

    scene: int
    time: int
    slices: range


def chosen_planes(header: ImageHeader, choice: StackChoice, is_whole: bool) -> ChosenPlanes:
    """Return which planes of a file are read; arguments and errors as of `read_image`."""
    path, index = header.path, pick_scene(header, choice)
    scene = header.scenes[index]
    check_readable(header, scene)
    if scene.set_files and (is_whole or scene.stack_axes):
        raise _part_of_set(path, scene)
    slices, time = pick_slices(path, scene, choice)
    return ChosenPlanes(index, time, slices)


def _part_of_set(path: Path, scene: Scene) -> InputError:
    missing = [name for name in scene.set_files if not (path.parent / name).is_file()]
    lost = f", of which {', '.join(missing)} is missing" if missing else ""
    return InputError(
        f"{path}: belongs to a set of {len(scene.set_files)} files ({', '.join(scene.set_files[:4])}){lost}; import "
        "them with a --pattern that has {channel}, so that each file gives its own plane, or save them as one file."
    )
