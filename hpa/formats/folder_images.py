"""Plain folders of images: one grey file a channel, or one file an image.

Files `<ID>_<channel>.png`, `.tif` or `.tiff`, where the channel is one that is wanted or one of the Atlas's, are the
planes of one field. Every other image file is an image by itself: a grey one stands for every channel that is wanted,
the planes of a colour or multi-channel one are named in their order. Files of other formats are listed, not read.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hpa.core.channels import CHANNELS, HPA_FIELD_WIDTH_UM
from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.formats.folder_listing import list_folder
from hpa.formats.image_header import StackChoice
from hpa.formats.images import AS_IS, inspect_image, read_field, read_image


class FolderImages:
    """Reads the images of a folder as fields.

    Args:
        folder: Where the files lie.
        wanted: Channels that are wanted.
        plane_names: Name of each plane of multi-channel files, or None: red, green, blue, yellow, as many as there are.
        pixel_um: Side of a pixel, µm, of all images or of each by name; None takes every image to be 163.84 µm wide, as
            those of the Atlas are.
        only: Names of the images to read; None for all.
        choice: What is taken of stacks and of files of several scenes.

    Attributes:
        passed_over: Files of the folder that are no images of a format that is read, by name.

    Raises:
        InputError: If there is no such folder, no image in it, one of `only` is missing, or the pixel size makes no
            sense.
    """

    def __init__(
        self,
        folder: Path,
        wanted: Sequence[str],
        plane_names: Sequence[str] | None,
        pixel_um: float | Mapping[str, float] | None,
        only: Collection[str] | None = None,
        choice: StackChoice = AS_IS,
    ) -> None:
        if isinstance(pixel_um, float | int) and not (math.isfinite(pixel_um) and pixel_um > 0):
            raise InputError(f"a pixel size above 0 µm is expected, came {pixel_um}.")
        self.folder = folder
        self.wanted = tuple(wanted)
        self.plane_names = tuple(plane_names) if plane_names is not None else None
        self.pixel_um = pixel_um
        self.choice = choice
        self._files: dict[str, dict[str, Path]] = {}  # image, channel ("": all of them)
        self._clashes: dict[str, list[Path]] = {}
        self._scene_of: dict[str, tuple[str, int]] = {}  # image that is a scene: image of the file, scene from 1
        listing = list_folder(folder)
        self.passed_over = [path.name for path in listing.passed_over]
        for path in listing.images:
            self._add(path)
        if choice.scene == "all":
            self._split_scenes()
        if only is not None:
            missing = sorted(set(only) - set(self._files))
            if missing:
                raise InputError(f"{folder}: has no file of {len(missing)} images that are wanted: {missing[0]}.")
            self._files = {image_id: self._files[image_id] for image_id in only}

    @property
    def image_ids(self) -> list[str]:
        """List the images by name."""
        return sorted(self._files)

    def settings(self) -> dict[str, Any]:
        """Return how images are read, as plain types: what label maps of them depend on beside the segmenter."""
        sizes = sorted(set(self.pixel_um.values())) if isinstance(self.pixel_um, Mapping) else [self.pixel_um]
        pixel_um = sizes[0] if len(sizes) == 1 else sizes
        stack = {"stack": self.choice.settings()} if self.choice != AS_IS else {}
        return {"pixel_um": pixel_um, "plane_names": self.plane_names and list(self.plane_names), **stack}

    def file_of(self, image_id: str) -> Path | None:
        """Return the file of an image that is one file, None where its channels are files of their own."""
        return self._files[image_id].get("")

    def files_of(self, image_id: str) -> list[Path]:
        """Return all files of an image."""
        return [*self._files[image_id].values(), *self._clashes.get(image_id, [])]

    def read(self, image_id: str) -> Field:
        """Read an image.

        Raises:
            InputError: If a file cannot be read, lacks a channel, is a stack without a choice, or no 8 or 16 bit image.
        """
        files = self._files[image_id]
        if "" not in files and image_id not in self._clashes:
            return read_field(image_id, files, self._pixel_um_of(image_id), self.choice.bits)
        if image_id in self._clashes or len(files) > 1:
            clashing = ", ".join(path.name for path in self.files_of(image_id))
            raise InputError(f"{clashing} are the same image or channel; keep one of them.")
        image = read_image(files[""], self._choice_of(image_id))
        planes = image.planes
        pixel_um = self._pixel_um_of(image_id) or HPA_FIELD_WIDTH_UM / planes.shape[2]
        if len(planes) == 1:
            stains = self.wanted or ("grey",)
            return Field(image_id, np.repeat(planes, len(stains), axis=0), stains, pixel_um)
        names = self.plane_names or CHANNELS
        if len(planes) > len(names) or (self.plane_names is not None and len(planes) < len(names)):
            raise InputError(
                f"{files['']}: holds {len(planes)} planes ({', '.join(image.names)}), named are {', '.join(names)}; "
                "name every plane."
            )
        return Field(image_id, planes, tuple(names[: len(planes)]), pixel_um)

    def _pixel_um_of(self, image_id: str) -> float | None:
        if not isinstance(self.pixel_um, Mapping):
            return self.pixel_um
        if image_id not in self.pixel_um:
            raise InputError(f"the size of its pixels is not known, that of {len(self.pixel_um)} other images is.")
        return self.pixel_um[image_id]

    def _choice_of(self, image_id: str) -> StackChoice:
        if image_id not in self._scene_of:
            return self.choice
        return StackChoice(self.choice.z, self.choice.t, self._scene_of[image_id][1], self.choice.bits)

    def _add(self, path: Path) -> None:
        image_id, _, channel = path.stem.removesuffix(".ome").rpartition("_")
        if not image_id or channel not in {*self.wanted, *CHANNELS}:
            image_id, channel = path.stem, ""
        files = self._files.setdefault(image_id, {})
        if channel in files:
            self._clashes.setdefault(image_id, []).append(path)
        else:
            files[channel] = path

    def _split_scenes(self) -> None:
        """Make every scene of a file of several an image of its own, `<ID>_scene<N>`."""
        for image_id, files in list(self._files.items()):
            count = 1 if set(files) != {""} or image_id in self._clashes else _scene_count(files[""])
            if count == 1:
                continue
            del self._files[image_id]
            for number in range(1, count + 1):
                name = f"{image_id}_scene{number}"
                if name in self._files:
                    raise InputError(f"{self.folder}: {name} is a scene of {files[''].name} and a file; rename one.")
                self._files[name] = files
                self._scene_of[name] = (image_id, number)


def _scene_count(path: Path) -> int:
    try:
        return len(inspect_image(path).scenes)
    except InputError:  # raised again, with the image's name, where it is read
        return 1
