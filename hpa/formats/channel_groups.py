"""Channels that are files of their own, recognised by the names of all files of a folder; no image is opened."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath

import numpy as np

from hpa.core.errors import InputError
from hpa.core.file_names import Spellings
from hpa.formats.image_header import StackChoice
from hpa.formats.images import StoredImage, read_image
from hpa.formats.layouts import OTHER_NAMES, known_patterns
from hpa.formats.maker_metadata import metadata_of, names_by_maker
from hpa.formats.name_pattern import CHANNEL, SLICE, TIME, NamePattern

_MIN_SHARE = {OTHER_NAMES: 0.5}
_MIN_SHARE_OF_MAKERS = 0.25
"""Share of the files that must have the names of a layout: makers' are hardly chosen by chance."""
_MIN_SHARE_OF_SEVERAL = 0.5
"""Share of the images that must have several channels."""
_MAX_CHANNELS = 8
"""More files that differ by one number are columns of a plate, or times."""
_THUMBNAIL = re.compile(r"_thumb(?![a-z])", re.IGNORECASE)

SliceFiles = Mapping[tuple[str, str], Path]
"""Files of a channel of an image, by time and slice."""


@dataclass
class ChannelGroups:
    """Images whose channels are files of their own.

    Attributes:
        layout: Names of which maker, or `other` for common endings such as `_w1` or `_DAPI`.
        images: Files by image, channel, and time and slice.
        others: Files that have no such name.
        clashes: Files that are the same channel, time and slice of an image as another one, by image.
    """

    layout: str
    images: dict[str, dict[str, dict[tuple[str, str], Path]]] = field(default_factory=dict)
    others: list[Path] = field(default_factory=list)
    clashes: dict[str, list[Path]] = field(default_factory=dict)

    @property
    def channels(self) -> tuple[str, ...]:
        """Return the channels of all images as the files call them, sorted."""
        return tuple(sorted({channel for channels in self.images.values() for channel in channels}))

    @property
    def file_count(self) -> int:
        """Return how many files are part of an image."""
        return sum(len(files) for channels in self.images.values() for files in channels.values())

    def names_by_maker(self) -> dict[str, str]:
        """Return the names that the microscope's description beside the files has for channels."""
        files = (path for channels in self.images.values() for places in channels.values() for path in places.values())
        return names_by_maker(self.layout, self.channels, metadata_of(files))


def is_thumbnail(path: PurePath) -> bool:
    """Return whether a file is named as a small copy of another one.

    >>> is_thumbnail(PurePath("P_B02_s1_w1_thumb1A2B.tif")), is_thumbnail(PurePath("thumbs_1.tif"))
    (True, False)
    """
    return _THUMBNAIL.search(path.stem) is not None


def recognised_groups(paths: Sequence[Path], folder: Path) -> ChannelGroups | None:
    """Return the images of files that are named as those of a microscope, None where they are not.

    A layout counts where half of the files have its names (of a maker's a quarter), and half of the images that these
    would make have two to eight channels. Of several, the one that explains most files by fewest images is taken.

    Args:
        paths: Image files, no thumbnails.
        folder: What their names are relative to.
    """
    found = [_grouped(paths, folder, pattern) for pattern in known_patterns()]
    usable = [groups for groups in found if _is_plausible(groups, len(paths))]
    return min(usable, key=lambda groups: (-groups.file_count, len(groups.images)), default=None)


def _grouped(paths: Iterable[Path], folder: Path, pattern: NamePattern) -> ChannelGroups:
    groups = ChannelGroups(pattern.text)
    images: dict[str, dict[str, dict[tuple[str, str], Path]]] = defaultdict(lambda: defaultdict(dict))
    spellings = Spellings()
    for path in paths:
        parts = pattern.parts_of(path.relative_to(folder))
        name = "" if parts is None else spellings.first_of(pattern.name(parts).replace("/", "_"))
        if parts is None or CHANNEL not in parts or not name:
            groups.others.append(path)
            continue
        place = (parts.get(TIME, ""), parts.get(SLICE, ""))
        files = images[name][parts[CHANNEL]]
        if place in files:
            groups.clashes.setdefault(name, []).append(path)
        files.setdefault(place, path)
    groups.images = {name: dict(channels) for name, channels in images.items()}
    return groups


def _is_plausible(groups: ChannelGroups, file_count: int) -> bool:
    several = sum(len(channels) > 1 for channels in groups.images.values())
    return (
        groups.file_count >= _MIN_SHARE.get(groups.layout, _MIN_SHARE_OF_MAKERS) * file_count
        and several > 0
        and several >= _MIN_SHARE_OF_SEVERAL * len(groups.images)
        and len(groups.channels) <= _MAX_CHANNELS
    )


def chosen_slices(files: SliceFiles, choice: StackChoice) -> list[Path]:
    """Return the files of the slices that are wanted, at one time.

    Raises:
        InputError: If there are several slices or times, and none is chosen.
    """
    times = sorted({time for time, _ in files})
    if len(times) > 1 and choice.t is None:
        raise InputError(f"{len(times)} times are files of their own; choose one with --t N.")
    number = 1 if len(times) == 1 else choice.t or 1
    if number > len(times):
        raise InputError(f"there is no t {number}; there are files of {len(times)} times, counted from 1.")
    slices = [path for (time, _), path in sorted(files.items()) if time == times[number - 1]]
    if len(slices) == 1 or choice.z == "max":
        return slices
    if choice.z is None:
        raise InputError(f"{len(slices)} slices are files of their own; choose with --z max|middle|N.")
    place = len(slices) // 2 if choice.z == "middle" else choice.z - 1
    if place >= len(slices):
        raise InputError(f"there is no z {choice.z}; there are files of {len(slices)} slices, counted from 1.")
    return [slices[place]]


def read_channel(paths: Sequence[Path], choice: StackChoice) -> StoredImage:
    """Read a channel that is a file of its own, or the maximum of its slices where these are.

    Raises:
        InputError: If a file cannot be read, holds several planes, or the slices differ in size.
    """
    files = [read_image(path, choice, is_whole=False) for path in paths]
    if any(len(file.planes) != 1 for file in files):
        raise InputError(
            f"{paths[0]}: one grey plane a file is expected, it holds {len(files[0].planes)}: "
            f"{', '.join(files[0].names)}; for files of all channels write a --pattern without {{channel}}."
        )
    shapes = {file.planes.shape for file in files}
    if len(shapes) > 1:
        raise InputError(f"{paths[0]}: its slices differ in size ({sorted(shapes)}); export them again.")
    return replace(files[0], planes=np.max([file.planes for file in files], axis=0))
