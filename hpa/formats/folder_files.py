"""The files of a folder, sorted into images by their names; nothing is opened."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hpa.core.channels import CHANNELS
from hpa.core.errors import InputError
from hpa.core.file_names import Spellings
from hpa.formats.channel_groups import ChannelGroups, is_thumbnail, recognised_groups
from hpa.formats.folder_listing import files_below, is_image_name, list_folder, summary_of
from hpa.formats.layouts import OTHER_NAMES
from hpa.formats.ome_zarr import is_zarr

ATLAS = "atlas"
"""Layout of files `<ID>_red`, `_green`, `_blue`, `_yellow`."""
NAMES_OF = {ATLAS: "names end in the channel", OTHER_NAMES: "names with common endings"}
"""What layouts that are no maker's are called."""
NOT_READ, THUMBNAIL, MASK, OTHER_NAME, OTHER_CHANNEL = (
    "of a format that is not read",
    "thumbnails",
    "masks beside their images",
    "of other names",
    "of channels that are not wanted",
)
"""Why files are passed over."""
WHOLE = ""
"""Channel of a file that holds all channels of an image."""
_MASK_END = re.compile(r"_(?:cp_)?(?:masks?|outlines?|labels?)$", re.IGNORECASE)
_ONLY = ("", "")
"""Time and slice where names have none."""


@dataclass
class FolderFiles:
    """The images of a folder.

    Attributes:
        layout: Names of which maker most files have, `other` for common endings, "" for none of these.
        images: Files of each image by channel (`WHOLE`: all of them), by time and slice.
        clashes: Files that are the same image or channel as another one, by image.
        passed_over: Files that are not read, by reason.
        names_by_maker: Names of channels that a description of the microscope beside the files has for them.
    """

    layout: str = ""
    images: dict[str, dict[str, dict[tuple[str, str], Path]]] = field(default_factory=dict)
    clashes: dict[str, list[Path]] = field(default_factory=lambda: defaultdict(list))
    passed_over: dict[str, list[str]] = field(default_factory=dict)
    names_by_maker: dict[str, str] = field(default_factory=dict)

    @property
    def channels(self) -> tuple[str, ...]:
        """Return the channels that are files of their own, as the files call them, sorted."""
        return tuple(sorted({channel for files in self.images.values() for channel in files} - {WHOLE}))

    def is_clashing(self, image_id: str) -> bool:
        """Return whether two files are the same image, or the same channel of it."""
        files = self.images[image_id]
        return image_id in self.clashes or (WHOLE in files and len(files) > 1)

    def require_one(self, image_id: str) -> None:
        """Raise InputError where two files are the same image, or the same channel of it."""
        if self.is_clashing(image_id):
            clashing = ", ".join(path.name for path in self.files_of(image_id))
            raise InputError(f"{clashing} are the same image or channel; keep one of them.")

    def leave_out(self, image_id: str) -> None:
        """Take an image for one that is not there."""
        del self.images[image_id]

    def files_of(self, image_id: str) -> list[Path]:
        """Return all files of an image."""
        own = [path for files in self.images[image_id].values() for path in files.values()]
        return [*own, *self.clashes.get(image_id, [])]


def sorted_files(folder: Path, channels: Collection[str], recognise: bool) -> FolderFiles:
    """Sort the files of a folder, or of the folders below it where it holds none itself.

    Args:
        folder: Where they lie; or one file, or OME-Zarr image.
        channels: Names of channels that end a file name, beside those of the Atlas.
        recognise: Whether files that are named as those of a microscope are channels of one image.

    Raises:
        InputError: If there is no such folder, or no image in it.
    """
    if folder.is_file() or (is_zarr(folder) and is_image_name(folder)):
        return FolderFiles(images={folder.stem.removesuffix(".ome"): {WHOLE: {_ONLY: folder}}})
    try:
        listing = list_folder(folder)
    except InputError:
        below = [path for path in files_below(folder) if is_image_name(path)] if folder.is_dir() and recognise else []
        images = [path for path in below if not is_thumbnail(path)]
        groups = recognised_groups(images, folder)
        if groups is None:
            raise
        return _of_groups(groups, folder, {THUMBNAIL: [path for path in below if is_thumbnail(path)]})
    images = [path for path in listing.images if not is_thumbnail(path)] or listing.images
    passed = {NOT_READ: listing.passed_over, THUMBNAIL: [path for path in listing.images if path not in images]}
    passed[MASK] = _masks_beside_images(images)
    images = [path for path in images if path not in passed[MASK]]
    ends = {*channels, *CHANNELS}
    named = sum(_name_and_channel(path, ends)[1] != WHOLE for path in images)
    groups = recognised_groups(images, folder) if recognise and named < len(images) else None
    if groups is None or groups.file_count <= named:
        return _of_files(images, folder, passed, ends)
    return _of_groups(groups, folder, passed)


def describe_passed_over(passed_over: dict[str, list[str]]) -> list[str]:
    """Return a line for each reason, with names."""
    return [f"passed over, {reason}: {summary_of(names)}" for reason, names in passed_over.items()]


def _of_groups(groups: ChannelGroups, folder: Path, passed: dict[str, list[Path]]) -> FolderFiles:
    passed = passed | {OTHER_NAME: groups.others}
    found = FolderFiles(
        groups.layout, groups.images, passed_over=_named(folder, passed), names_by_maker=groups.names_by_maker()
    )
    for image_id, paths in groups.clashes.items():
        found.clashes[image_id] += paths
    return found


def _of_files(paths: Iterable[Path], folder: Path, passed: dict[str, list[Path]], ends: set[str]) -> FolderFiles:
    found = FolderFiles(passed_over=_named(folder, passed))
    spellings = Spellings()
    for path in paths:
        name, channel = _name_and_channel(path, ends)
        image_id = spellings.first_of(name)
        files = found.images.setdefault(image_id, {})
        if channel in files:
            found.clashes[image_id].append(path)
        else:
            files[channel] = {_ONLY: path}
    if found.channels:
        found.layout = ATLAS
    return found


def _name_and_channel(path: Path, ends: Collection[str]) -> tuple[str, str]:
    image_id, _, channel = path.stem.removesuffix(".ome").rpartition("_")
    return (image_id, channel) if image_id and channel in ends else (path.stem, WHOLE)


def _masks_beside_images(paths: Sequence[Path]) -> list[Path]:
    """Return the files that are named as another one and `_mask`, as Cellpose and others save what they found."""
    stems = {path.stem.lower() for path in paths}
    ends = {path: _MASK_END.sub("", path.stem).lower() for path in paths}
    return [path for path, stem in ends.items() if stem != path.stem.lower() and stem in stems]


def _named(folder: Path, passed: dict[str, list[Path]]) -> dict[str, list[str]]:
    return {
        reason: [path.relative_to(folder).as_posix() for path in paths] for reason, paths in passed.items() if paths
    }
