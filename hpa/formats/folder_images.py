"""Plain folders of images: one grey file a channel, or one file an image.

Files `<ID>_<channel>.png`, `.tif` or `.tiff`, where the channel is one that was asked for or one of the Atlas's, are
the planes of one field. Every other PNG or TIFF is an image by itself: a grey one stands for every channel that is
asked for, the planes of a colour or multi-channel one are named in their order.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from jaxtyping import Shaped, UInt8, UInt16

from hpa.core.channels import CHANNELS, HPA_FIELD_WIDTH_UM
from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.formats.image_files import SUFFIXES, read_field

_MAX_PLANES = 16
"""A shorter axis than this holds channels; a longer one rows or columns."""
_COLOURS = ("red", "green", "blue")

Planes = UInt8[np.ndarray, "channel height width"] | UInt16[np.ndarray, "channel height width"]


class FolderImages:
    """Reads the images of a folder as fields.

    Args:
        folder: Where the files lie.
        wanted: Channels that are asked for.
        plane_names: Name of each plane of multi-channel files, or None: red, green, blue, yellow, as many as there are.
        pixel_um: Side of a pixel, µm, of all images or of each by name; None takes every image to be 163.84 µm wide, as
            those of the Atlas are.
        only: Names of the images to read; None for all.

    Raises:
        InputError: If there is no such folder, no PNG or TIFF in it, one of `only` is missing, or the pixel size makes
            no sense.
    """

    def __init__(
        self,
        folder: Path,
        wanted: Sequence[str],
        plane_names: Sequence[str] | None,
        pixel_um: float | Mapping[str, float] | None,
        only: Collection[str] | None = None,
    ) -> None:
        if not folder.is_dir():
            raise InputError(f"{folder}: a folder of images was expected, there is none; check the path.")
        if isinstance(pixel_um, float | int) and not (math.isfinite(pixel_um) and pixel_um > 0):
            raise InputError(f"a pixel size above 0 µm is expected, came {pixel_um}.")
        self.folder = folder
        self.wanted = tuple(wanted)
        self.plane_names = tuple(plane_names) if plane_names is not None else None
        self.pixel_um = pixel_um
        self._files: dict[str, dict[str, Path]] = {}  # image, channel ("": all of them)
        self._clashes: dict[str, list[Path]] = {}
        for path in sorted(folder.iterdir()):
            if path.suffix.lower() in SUFFIXES and not path.name.startswith("."):
                self._add(path)
        if not self._files:
            raise InputError(f"{folder}: images ({', '.join(SUFFIXES)}) were expected, there is none in this folder.")
        if only is not None:
            missing = sorted(set(only) - set(self._files))
            if missing:
                raise InputError(f"{folder}: has no file of {len(missing)} images that are asked for: {missing[0]}.")
            self._files = {image_id: self._files[image_id] for image_id in only}

    @property
    def image_ids(self) -> list[str]:
        """List the images by name."""
        return sorted(self._files)

    def settings(self) -> dict[str, Any]:
        """Return how images are read, as plain types: what label maps of them depend on beside the segmenter."""
        told = sorted(set(self.pixel_um.values())) if isinstance(self.pixel_um, Mapping) else [self.pixel_um]
        pixel_um = told[0] if len(told) == 1 else told
        return {"pixel_um": pixel_um, "plane_names": self.plane_names and list(self.plane_names)}

    def file_of(self, image_id: str) -> Path | None:
        """Return the file of an image that is one file, None where its channels are files of their own."""
        return self._files[image_id].get("")

    def read(self, image_id: str) -> Field:
        """Read an image.

        Raises:
            InputError: If a file cannot be read, lacks a channel or is no 8 or 16 bit image.
        """
        files = self._files[image_id]
        if "" not in files and image_id not in self._clashes:
            return read_field(image_id, files, self._pixel_um_of(image_id))
        if image_id in self._clashes or len(files) > 1:
            clashing = ", ".join(path.name for path in [*files.values(), *self._clashes.get(image_id, [])])
            raise InputError(f"{clashing} are the same image or channel; keep one of them.")
        planes = _planes_of(files[""])
        pixel_um = self._pixel_um_of(image_id) or HPA_FIELD_WIDTH_UM / planes.shape[2]
        if len(planes) == 1:
            stains = self.wanted or ("grey",)
            return Field(image_id, np.repeat(planes, len(stains), axis=0), stains, pixel_um)
        names = self.plane_names or CHANNELS
        if len(planes) > len(names) or (self.plane_names is not None and len(planes) < len(names)):
            raise InputError(
                f"{files['']}: holds {len(planes)} planes, named are {', '.join(names)}; name every plane."
            )
        return Field(image_id, planes, tuple(names[: len(planes)]), pixel_um)

    def _pixel_um_of(self, image_id: str) -> float | None:
        if not isinstance(self.pixel_um, Mapping):
            return self.pixel_um
        if image_id not in self.pixel_um:
            raise InputError(f"the size of its pixels is not told, that of {len(self.pixel_um)} other images is.")
        return self.pixel_um[image_id]

    def _add(self, path: Path) -> None:
        image_id, separator, channel = path.stem.rpartition("_")
        if not separator or not image_id or channel not in {*self.wanted, *CHANNELS}:
            image_id, channel = path.stem, ""
        files = self._files.setdefault(image_id, {})
        if channel in files:
            self._clashes.setdefault(image_id, []).append(path)
        else:
            files[channel] = path


def _planes_of(path: Path) -> Planes:
    """Return the planes of a file, colours in the order red, green, blue, an alpha plane left out."""
    pixels = _decoded(path)
    if pixels.dtype not in (np.uint8, np.uint16) or pixels.ndim not in (2, 3) or not pixels.size:
        raise InputError(
            f"{path}: an 8 or 16 bit image of one or more planes was expected, came {pixels.dtype} of shape "
            f"{pixels.shape}; export it so."
        )
    if pixels.ndim == 2:
        return pixels[None]
    axis = int(np.argmin(pixels.shape))
    if pixels.shape[axis] > _MAX_PLANES or axis == 1:
        raise InputError(f"{path}: which axis of {pixels.shape} holds the channels? Put it first or last, 16 at most.")
    return np.ascontiguousarray(np.moveaxis(pixels, axis, 0))


def _decoded(path: Path) -> Shaped[np.ndarray, "*axes"]:
    try:
        if path.suffix.lower() == ".png":
            pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
            if pixels is None:
                raise InputError(f"{path}: cannot be read as PNG, the file is broken; export it again.")
            return pixels if pixels.ndim == 2 else pixels[..., len(_COLOURS) - 1 :: -1]  # OpenCV: blue, green, red
        with tifffile.TiffFile(path) as tiff:
            pixels = tiff.asarray(maxworkers=1)
            is_colour = tiff.pages.first.photometric == tifffile.PHOTOMETRIC.RGB
        return pixels[..., : len(_COLOURS)] if is_colour and pixels.ndim == 3 else pixels
    except InputError:
        raise
    except Exception as error:  # a broken file makes decoders fail in any way
        raise InputError(f"{path}: cannot be read as an image ({error}); export it again.") from error
