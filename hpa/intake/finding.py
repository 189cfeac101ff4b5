"""The images of a folder, found by the names of its files; nothing is opened."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from unicodedata import normalize

from hpa.core.errors import InputError, Problem
from hpa.formats.channel_groups import chosen_slices, is_thumbnail, recognised_groups
from hpa.formats.folder_files import NOT_READ, OTHER_CHANNEL, OTHER_NAME, THUMBNAIL
from hpa.formats.folder_listing import files_below, is_image_name, summary_of
from hpa.formats.image_header import StackChoice
from hpa.formats.images import AS_IS
from hpa.formats.layouts import OTHER_NAMES, layout_pattern, same_channel
from hpa.formats.maker_metadata import MakerMetadata, metadata_beside, metadata_of
from hpa.formats.name_pattern import CHANNEL, CLASS, DEFAULT_PATTERN, SLICE, TIME, WHOLE_PATTERN, NamePattern

_MIXED = "mixed"
"""What {class} reads, in any case, where cells of several types are mixed: to be classified, not to train on."""


@dataclass(frozen=True)
class FoundImage:
    """An image and the files that hold it.

    Attributes:
        image_id: Its name from now on.
        types: Type of its cells, "" where names do not have it, or name a mixture.
        group: What it was grown together with, "" where names do not have it.
        files: Files of each colour, several where slices are files of their own; the colour is "" where one file holds
            all channels.
        scene: Scene of the files that it is, from 1; None where files hold one.
    """

    image_id: str
    types: str
    group: str
    files: dict[str, list[Path]]
    scene: int | None = None


@dataclass
class FoundImages:
    """What a folder holds.

    Attributes:
        images: By name, in order.
        passed_over: Files that are not imported, by reason.
        problems: All that is wrong so far.
        metadata: What microscopes wrote beside the images.
    """

    images: dict[str, FoundImage] = field(default_factory=dict)
    passed_over: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    problems: list[Problem] = field(default_factory=list)
    metadata: list[MakerMetadata] = field(default_factory=list)


@dataclass
class _Group:
    """Files of one image as its names have it, before slices are chosen."""

    parts: dict[str, str]
    files: dict[str, dict[tuple[str, str], Path]] = field(default_factory=dict)
    """By colour, time and slice."""


def find_images(
    folder: Path,
    pattern: str | None,
    colours: Mapping[str, str],
    layout: str | None = None,
    choice: StackChoice = AS_IS,
) -> FoundImages:
    """Find the images of a folder by the names of its files.

    Args:
        folder: Where the files lie, in folders of any depth.
        pattern: As `NamePattern` reads it; None tries one file a channel, then one file an image.
        colours: Colour (as channels are called from now on) of each channel as the microscope calls it.
        layout: Names of a maker, instead of a pattern.
        choice: What is taken of slices and times that are files of their own.

    Raises:
        InputError: If there is no such folder, no file fits, or both pattern and layout are given.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: a folder of images was expected, there is none; check the path.")
    if not colours or len(set(colours.values())) != len(colours):
        raise InputError("--channels: each channel becomes a colour of its own, e.g. w1=blue,w2=green.")
    if layout is not None and pattern is not None:
        raise InputError("--layout is a set of patterns; give either --layout or --pattern.")
    paths = sorted(path.relative_to(folder) for path in files_below(folder))
    texts = [DEFAULT_PATTERN, WHOLE_PATTERN] if pattern is None else [pattern]
    patterns = [NamePattern(text) for text in texts] if layout is None else [layout_pattern(layout)]
    for one in patterns:
        found = _FolderFinder(folder, one, colours, choice).find(paths)
        if found.images or found.problems:
            return found
    first = paths[0].as_posix() if paths else "missing"
    wanted = f"--layout {layout}" if layout else f"--pattern '{pattern or DEFAULT_PATTERN}'"
    known = recognised_groups([path for path in files_below(folder) if is_image_name(path)], folder)
    remedy = f"what the files are: hpa doctor {quote(str(folder))}"
    if known is not None and known.layout not in (layout, OTHER_NAMES):
        remedy = (
            f"files are named as of {known.layout}, of channels {', '.join(known.channels)}: --layout {known.layout}"
        )
    if paths and not any(is_image_name(folder / path) for path in paths):
        remedy = f"what lies there is not read: {summary_of([folder / path for path in paths])}"
    raise InputError(
        f"{folder}: none of {len(paths)} files fits {wanted} with channels {', '.join(colours)}; the first is {first}; "
        f"{remedy}."
    )


class _FolderFinder:
    """Sorts the files of a folder into images."""

    def __init__(self, folder: Path, pattern: NamePattern, colours: Mapping[str, str], choice: StackChoice) -> None:
        self._folder, self._pattern, self._colours, self._choice = folder, pattern, colours, choice
        self._groups: dict[str, _Group] = {}
        self._found = FoundImages()

    def find(self, paths: list[Path]) -> FoundImages:
        """Return the images of files, given relative to the folder."""
        fitting = [path for path in paths if self._pattern.parts_of(path) is not None]
        self._found.metadata = metadata_of(self._folder / path for path in fitting)
        for path in paths:
            self._sort(path)
        ids: dict[str, str] = {}
        forms = Counter(normalize("NFC", name) for name in self._groups)
        for name, group in self._groups.items():
            if forms[normalize("NFC", name)] > 1:
                reason = f"files of the same name have its letters in another Unicode form ({name!a}); rename them"
                self._found.problems.append(Problem(name, reason))
            else:
                self._finish(name, group, ids)
        return self._found

    def _sort(self, path: Path) -> None:
        parts = self._pattern.parts_of(path)
        reason = None
        if not is_image_name(self._folder / path):
            reason = NOT_READ
        elif is_thumbnail(path):
            reason = THUMBNAIL
        elif parts is None:
            reason = OTHER_NAME
        colour = "" if parts is None or CHANNEL not in parts else self._colour_of(parts[CHANNEL], path)
        if reason or parts is None or colour is None:
            self._found.passed_over[reason or OTHER_CHANNEL].append(path.as_posix())
            return
        name = self._pattern.name(parts)
        files = self._groups.setdefault(name, _Group(parts)).files.setdefault(colour, {})
        place = (parts.get(TIME, ""), parts.get(SLICE, "")) if self._pattern.is_layout else ("", "")
        if place in files:
            first = files[place].relative_to(self._folder).as_posix()
            both = f"{first} and {path.as_posix()} are the same image and channel by their names"
            reason = f"{both}; distinguish them by another {{word}}, or remove one"
            self._found.problems.append(Problem(name, reason))
        files[place] = self._folder / path

    def _colour_of(self, channel: str, path: Path) -> str | None:
        if channel in self._colours or not self._pattern.is_layout:
            return self._colours.get(channel)
        beside = metadata_beside(self._folder / path)
        described = channel if beside is None or self._pattern.text not in beside.layouts else beside.name_of(channel)
        fits = (
            (same_channel(name, channel) or same_channel(name, described), colour)
            for name, colour in self._colours.items()
        )
        return next((colour for is_fitting, colour in fits if is_fitting), None)

    def _finish(self, name: str, group: _Group, ids: dict[str, str]) -> None:
        """Take up an image, or what is wrong with it."""
        problems = []
        has_channels = CHANNEL in group.parts
        missing = [f"{name} ({colour})" for name, colour in self._colours.items() if colour not in group.files]
        if has_channels and missing:
            there = ", ".join(path.name for files in group.files.values() for path in files.values())
            problems.append(
                f"only {there} is there, no file of channel {', '.join(missing)}; add it, or leave out the channel"
            )
        try:
            files = {colour: chosen_slices(of_colour, self._choice) for colour, of_colour in group.files.items()}
        except InputError as error:
            problems.append(str(error))
        image_id = self._pattern.image_id(group.parts)
        other = ids.setdefault(image_id.casefold(), name)
        if other != name and not problems:
            problems.append(f"'{other}' and '{name}' would both be called {image_id}; rename the files of one")
        self._found.problems += [Problem(name, problem) for problem in problems]
        if not problems:
            written = group.parts.get(CLASS, "")
            types = "" if written.lower() == _MIXED else written
            self._found.images[image_id] = FoundImage(image_id, types, self._pattern.group(group.parts), files)
