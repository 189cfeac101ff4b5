"""Plain folders of images: one grey file a channel, or one file an image.

Files `<ID>_<channel>`, where the channel is one that is wanted or one of the Atlas's, are the planes of one field; so
are files that most of a folder names as a microscope does (`hpa.formats.channel_groups`). Every other image file is an
image by itself: a grey one stands for every channel that is wanted, the planes of a colour or multi-channel one are
named. Files of other formats, thumbnails and files of other names are listed, not read.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.formats.channel_groups import chosen_slices, read_channel
from hpa.formats.channel_names import ChannelNames, names_of_files, names_of_planes
from hpa.formats.folder_files import ATLAS, NAMES_OF, WHOLE, FolderFiles, sorted_files
from hpa.formats.image_header import PlaneInfo, StackChoice, pick_scene
from hpa.formats.images import AS_IS, READ_THREADS, StoredImage, difference_of, inspect_image, read_image
from hpa.formats.known_sizes import KnownSizes

_HEADER_THREADS = 8
"""Reading headers is waiting for the disk, so more threads than cores."""


class FolderImages:
    """Reads the images of a folder as fields.

    Args:
        folder: Where the files lie; where it holds none, files of a microscope in the folders below.
        wanted: Channels that are wanted.
        plane_names: What channels are called that are planes of one file, or files of a microscope; None calls known
            stains by their colour, planes without a name red, green, blue, yellow, and others as the files do.
        pixel_um: Side of a pixel, µm, of all images or of each by name; None takes that of the files, and for images of
            the four channels of the Atlas its width of 163.84 µm.
        only: Names of the images to read; None for all.
        choice: What is taken of stacks and of files of several scenes.
        recognise: Whether files that are named as those of a microscope are channels of one image.

    Attributes:
        known_sizes: What is known of the size of pixels.
        layout: Names of which maker the files have, `other` for common endings; "" where each image is a file.
        own_channels: Channels that are files of their own, as the files call them.
        found: The files of each image.
        passed_over: Files that are not read, by reason.

    Raises:
        InputError: If there is no such folder, no image in it, one of `only` is missing, the pixel size makes no sense,
            or names do not fit the channels.
    """

    def __init__(
        self,
        folder: Path,
        wanted: Sequence[str],
        plane_names: ChannelNames | None,
        pixel_um: float | Mapping[str, float] | None,
        only: Collection[str] | None = None,
        choice: StackChoice = AS_IS,
        recognise: bool = True,
    ) -> None:
        self.folder = folder
        self.wanted = tuple(wanted)
        self.plane_names = plane_names
        self.known_sizes = KnownSizes(pixel_um)
        self.choice = choice
        self.found = sorted_files(folder, self.wanted, recognise)
        self.layout, self.passed_over = self.found.layout, self.found.passed_over
        self.own_channels = self.found.channels
        is_wanted = not self.own_channels or (self.layout in ("", ATLAS) and not isinstance(plane_names, Mapping))
        own, described = self.own_channels, self.found.names_by_maker
        self._called = dict(zip(own, own, strict=True)) if is_wanted else names_of_files(own, plane_names, described)
        self._scene_of = _with_scenes(self.found, folder) if choice.scene == "all" else {}
        if only is not None:
            missing = sorted(set(only) - set(self.found.images))
            if missing:
                raise InputError(f"{folder}: has no file of {len(missing)} images that are wanted: {missing[0]}.")
            self.found.images = {image_id: self.found.images[image_id] for image_id in only}

    @property
    def called(self) -> str:
        """Return what channels that are files of their own are called, e.g. `w1 is blue, w2 is green`."""
        described = self.found.names_by_maker
        names = ", ".join(
            name if own == name else f"{own}{f' ({described[own]})' if own in described else ''} is {name}"
            for own, name in self._called.items()
        )
        return f"{names}, one file a channel ({NAMES_OF.get(self.layout, f'names as of {self.layout}')})"

    @property
    def image_ids(self) -> list[str]:
        """List the images by name."""
        return sorted(self.found.images)

    @property
    def clashing(self) -> list[str]:
        """List the images of which two files are the same, or the same channel; they are not read."""
        return [image_id for image_id in self.image_ids if self.found.is_clashing(image_id)]

    def settings(self) -> dict[str, Any]:
        """Return how images are read, as plain types: what label maps of them depend on beside the segmenter."""
        called = dict(names) if isinstance(names := self.plane_names, Mapping) else names and list(names)
        stack = {"stack": self.choice.settings()} if self.choice != AS_IS else {}
        return self.known_sizes.settings() | {"plane_names": called, **stack}

    def sizes_um(self) -> dict[str, float]:
        """Return the size of pixels of each image from headers, NaN where nothing says it; unreadable ones left out."""
        with ThreadPoolExecutor(_HEADER_THREADS) as pool:
            sizes = list(pool.map(lambda image_id: _size_of(self, image_id), self.image_ids))
        return {name: size for name, size in zip(self.image_ids, sizes, strict=True) if size is not None}

    def file_of(self, image_id: str) -> Path | None:
        """Return the file of an image that is one file, None where its channels are files of their own."""
        return next(iter(self.found.images[image_id].get(WHOLE, {}).values()), None)

    def files_of(self, image_id: str) -> list[Path]:
        """Return all files of an image."""
        return self.found.files_of(image_id)

    def channel_files(self, image_id: str) -> dict[str, list[Path]]:
        """Return the files of each channel that is wanted, of an image of a file a channel; InputError without any."""
        files = self.found.images[image_id]
        paths = {self._called[own]: chosen_slices(files[own], self.choice) for own in files if own in self._called}
        if not paths:
            raise InputError(f"it has no file of the channels that are wanted, only of {', '.join(files)}.")
        lost = [own for own, name in self._called.items() if name in self.wanted and own not in files]
        if lost:
            raise InputError(
                f"there is no file of channel {', '.join(lost)}, which other images have, only of {', '.join(files)}; "
                "add it, or choose channels that all have."
            )
        return paths

    def read(self, image_id: str) -> Field:
        """Read an image; the size of its pixels is NaN where nothing says it.

        Raises:
            InputError: If a file cannot be read, lacks a channel, is a stack without a choice, or no 8 or 16 bit image.
        """
        path = self.file_of(image_id)
        self.found.require_one(image_id)
        if path is None:
            return self._of_channel_files(image_id)
        image = read_image(path, self.choice_of(image_id))
        pixel_um = self.known_sizes.of(image_id, [image.scene], ())
        if len(image.planes) == 1:
            stains = self.wanted or ("grey",)
            return Field(image_id, np.repeat(image.planes, len(stains), axis=0), stains, pixel_um)
        called = names_of_planes(path, image.names, self.plane_names)
        return Field(image_id, image.planes[list(called)], tuple(called.values()), pixel_um)

    def _of_channel_files(self, image_id: str) -> Field:
        """Read an image whose channels are files of their own, side by side in threads."""
        paths = self.channel_files(image_id)
        with ThreadPoolExecutor(READ_THREADS) as pool:
            stored = list(pool.map(lambda slices: read_channel(slices, self.choice), paths.values()))
        if difference := difference_of({name: _info_of(image) for name, image in zip(paths, stored, strict=True)}):
            raise InputError(f"{image_id}: {difference}")
        pixel_um = self.known_sizes.of(image_id, [image.scene for image in stored], tuple(paths))
        return Field(image_id, np.concatenate([image.planes for image in stored]), tuple(paths), pixel_um)

    def choice_of(self, image_id: str) -> StackChoice:
        """Return what is taken of the file of an image."""
        scene = self._scene_of.get(image_id)
        return self.choice if scene is None else replace(self.choice, scene=scene[1])


def _size_of(images: FolderImages, image_id: str) -> float | None:
    """Return the size of the pixels of an image from its headers, None where these cannot be read."""
    try:
        headers = [inspect_image(path) for path in images.files_of(image_id)]
        choice = images.choice_of(image_id)
        scenes = [header.scenes[pick_scene(header, choice)] for header in headers]
        called = [images._called.get(channel, "") for channel in images.found.images[image_id]]
        return images.known_sizes.of(image_id, scenes, called)
    except InputError:  # raised again where it is read
        return None


def _with_scenes(found: FolderFiles, folder: Path) -> dict[str, tuple[str, int]]:
    """Make every scene of a file of several an image of its own, `<ID>_scene<N>`; return image and number of each."""
    scene_of: dict[str, tuple[str, int]] = {}
    for image_id, files in list(found.images.items()):
        paths = found.files_of(image_id)
        count = _scene_count(paths[0]) if set(files) == {WHOLE} and len(paths) == 1 else 1
        if count == 1:
            continue
        del found.images[image_id]
        for number in range(1, count + 1):
            name = f"{image_id}_scene{number}"
            if name in found.images:
                raise InputError(f"{folder}: {name} is a scene of {paths[0].name} and a file; rename one.")
            found.images[name] = files
            scene_of[name] = (image_id, number)
    return scene_of


def _info_of(image: StoredImage) -> PlaneInfo:
    height, width = image.planes.shape[1:]
    return PlaneInfo(height, width, 8 * image.planes.itemsize)


def _scene_count(path: Path) -> int:
    try:
        return len(inspect_image(path).scenes)
    except InputError:  # raised again, with the image's name, where it is read
        return 1
