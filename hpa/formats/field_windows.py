"""Windows of the images of a folder, as fields: channels, names and sizes as of `FolderImages`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.core.windows import Window
from hpa.formats.channel_names import names_of_planes
from hpa.formats.folder_images import FolderImages
from hpa.formats.image_header import check_size
from hpa.formats.images import difference_of
from hpa.formats.windows import ImageWindows


@dataclass(frozen=True)
class FieldWindows:
    """An image of any size, of one file or of a file a channel.

    Attributes:
        image_id: Its name.
        pixel_um: Side of a pixel, µm; NaN where it is not known.
        files: Its files, each once.
        channels: Name of each plane.
        planes: Which file each plane is of, and which of its planes.
    """

    image_id: str
    pixel_um: float
    files: Sequence[ImageWindows]
    channels: tuple[str, ...]
    planes: tuple[tuple[int, int], ...]

    @property
    def height(self) -> int:
        """Return the number of rows."""
        return self.files[0].whole.height

    @property
    def width(self) -> int:
        """Return the number of columns."""
        return self.files[0].whole.width

    @property
    def values(self) -> int:
        """Return pixels times planes of the whole."""
        return sum(file.whole.area * len(file.scene.channel_names) for file in self.files)

    @property
    def is_large(self) -> bool:
        """Return whether it may not be read as a whole."""
        try:
            check_size(self.files[0].path, self.values)
        except InputError:
            return True
        return False

    @property
    def layout(self) -> str:
        """Return how the pixels are stored, in words."""
        return ", ".join(dict.fromkeys(file.layout for file in self.files))

    def read(self, window: Window) -> Field:
        """Return the planes of a window.

        Raises:
            InputError: If it cannot be read.
        """
        stored = [file.read(window) for file in self.files]
        pixels = np.stack([stored[file][plane] for file, plane in self.planes])
        return Field(self.image_id, pixels, self.channels, self.pixel_um)

    def has_data(self, window: Window) -> bool:
        """Return whether a file stores anything of a window; else all its pixels are 0."""
        return any(file.has_data(window) for file in self.files)

    def close(self) -> None:
        """Close the files."""
        for file in self.files:
            file.close()


def open_windows(images: FolderImages, image_id: str) -> FieldWindows:
    """Open an image of any size, to be read window by window; close it afterwards.

    Raises:
        InputError: As `FolderImages.read`, and if slices are files of their own.
    """
    images.found.require_one(image_id)
    path = images.file_of(image_id)
    if path is None:
        return _of_channel_files(images, image_id)
    file = ImageWindows(path, images.choice_of(image_id))
    pixel_um = images.known_sizes.of(image_id, [file.scene], ())
    names = file.scene.channel_names
    if len(names) == 1:
        stains = images.wanted or ("grey",)
        return FieldWindows(image_id, pixel_um, (file,), stains, ((0, 0),) * len(stains))
    called = names_of_planes(path, names, images.plane_names)
    return FieldWindows(image_id, pixel_um, (file,), tuple(called.values()), tuple((0, place) for place in called))


def _of_channel_files(images: FolderImages, image_id: str) -> FieldWindows:
    paths = images.channel_files(image_id)
    if several := [name for name, slices in paths.items() if len(slices) > 1]:
        raise InputError(f"the slices of {several[0]} are files of their own; choose one of them with --z N.")
    files = tuple(ImageWindows(slices[0], images.choice, is_whole=False) for slices in paths.values())
    if difference := difference_of({name: file.scene.info for name, file in zip(paths, files, strict=True)}):
        raise InputError(f"{image_id}: {difference}")
    if several := [file.path.name for file in files if len(file.scene.channel_names) != 1]:
        raise InputError(f"{several[0]}: one grey plane a file is expected.")
    pixel_um = images.known_sizes.of(image_id, [file.scene for file in files], tuple(paths))
    return FieldWindows(image_id, pixel_um, files, tuple(paths), tuple((place, 0) for place in range(len(files))))
