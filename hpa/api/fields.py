"""Images as they come from a user, arrays, files or folders, as fields of view."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hpa.core.addresses import as_path
from hpa.core.channels import CHANNELS
from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.formats.folder_images import FolderImages
from hpa.formats.images import read_image
from hpa.sources.typed_listing import pixel_sizes_beside

Image = np.ndarray | str | Path
"""(height, width) or (height, width, channel) or (channel, height, width) of uint8 or uint16, or the path of a file."""
Images = Image | Iterable[Image] | Mapping[str, Image]
"""One image, a folder, several images, or several by their names."""

_MAX_CHANNELS = 16
"""More planes than this are no channels: a stack or a time series was given."""


@dataclass(frozen=True)
class Reading:
    """How images are read.

    Attributes:
        wanted: Channels that are needed.
        channels: Name of each plane of an image, in order. None: a single plane is the one that is wanted; several are
            red, green, blue and yellow, as in folders, or those that are wanted where these have other names.
        pixel_um: Side of a pixel, µm; None where the folder or file knows it, or `width_um` does.
        width_um: Width of an image where the side of a pixel is not known; None: it must be known.
    """

    wanted: tuple[str, ...]
    channels: Sequence[str] | None = None
    pixel_um: float | None = None
    width_um: float | None = None

    def __post_init__(self) -> None:
        if isinstance(self.channels, str):
            raise InputError(f'channels is a list of names, e.g. ["{self.channels}"]; came the text "{self.channels}".')
        is_number = isinstance(self.pixel_um, int | float | np.number)
        if self.pixel_um is not None and not (is_number and math.isfinite(self.pixel_um) and self.pixel_um > 0):
            raise InputError(f"pixel_um={self.pixel_um!r}: the side of a pixel in µm, above 0, is expected.")

    def fields(self, images: Images) -> Iterator[Field]:
        """Give one field for each image; names of images without one are their numbers from 0.

        Raises:
            InputError: If an image has another type, shape or number of channels, or cannot be read.
        """
        if isinstance(images, str | Path) and as_path(images).is_dir():
            yield from self._of_folder(as_path(images))
        elif isinstance(images, np.ndarray | str | Path):
            yield self._of_image(images, "0")
        elif isinstance(images, Mapping):
            yield from (self._of_image(image, str(name)) for name, image in images.items())
        elif isinstance(images, Iterable):
            yield from (self._of_image(image, str(number)) for number, image in enumerate(images))
        else:
            raise _wrong(f"{images!r:.40} of type {type(images).__name__}")

    def _of_folder(self, folder: Path) -> Iterator[Field]:
        imported = folder / "images"
        sizes: Any = self.pixel_um or pixel_sizes_beside(folder) or None
        reader = FolderImages(imported if imported.is_dir() else folder, self.wanted, self.channels, sizes)
        for image_id in reader.image_ids:
            field = reader.read(image_id)
            pixel_um = field.pixel_um if sizes is not None else self._pixel_um(field.pixels.shape[2], math.nan)
            yield self._checked(Field(image_id, field.pixels, field.channels, pixel_um))

    def _of_image(self, image: Any, name: str) -> Field:
        if isinstance(image, str | Path):
            path = as_path(image).expanduser()
            if not path.exists():
                raise InputError(f"{image}: there is no such file or folder; check the path, from {Path.cwd()}.")
            stored = read_image(path)
            return self._of_planes(stored.planes, Path(image).name.partition(".")[0], stored.pixel_um)
        if not isinstance(image, np.ndarray):
            raise _wrong(f"{image!r:.40} of type {type(image).__name__}")
        return self._of_planes(self._planes_of(image), name, math.nan)

    def _planes_of(self, image: np.ndarray) -> np.ndarray:
        """Return an array with its channels first."""
        image = image.astype(image.dtype.newbyteorder("="), copy=False)
        if image.dtype not in (np.uint8, np.uint16):
            raise InputError(f"an image of uint8 or uint16 is expected, came {image.dtype}{_conversion(image)}.")
        if image.ndim == 2:
            return image[None]
        if image.ndim != 3 or 0 in image.shape:
            raise _wrong(f"an array of shape {image.shape}")
        count = len(self.channels or self.wanted)
        is_last = image.shape[2] <= _MAX_CHANNELS and image.shape[0] != count
        if is_last or image.shape[2] == count:
            return np.ascontiguousarray(np.moveaxis(image, 2, 0))
        return np.ascontiguousarray(image)

    def _of_planes(self, planes: np.ndarray, name: str, pixel_um: float) -> Field:
        names = self._names_of(len(planes))
        if len(planes) != len(names):
            raise InputError(
                f"image {name}: has {len(planes)} channels, named are {', '.join(names)}; name each of its channels, "
                "in order: channels=[…]."
            )
        return self._checked(Field(name, planes, names, self._pixel_um(planes.shape[2], pixel_um)))

    def _names_of(self, count: int) -> tuple[str, ...]:
        if self.channels is not None:
            return tuple(self.channels)
        if len(self.wanted) > 1 and set(self.wanted) <= set(CHANNELS):
            return CHANNELS[:count]
        return self.wanted

    def _pixel_um(self, width_px: int, stored_um: float) -> float:
        if self.pixel_um is not None:
            return self.pixel_um
        if not math.isnan(stored_um):
            return stored_um
        if self.width_um is None:
            raise InputError("the side of a pixel is not known; give it in µm: pixel_um=0.65.")
        return self.width_um / width_px

    def _checked(self, field: Field) -> Field:
        missing = [channel for channel in self.wanted if channel not in field.channels]
        if missing:
            raise InputError(
                f"image {field.image_id}: {', '.join(missing)} is needed, its channels are taken to be "
                f"{', '.join(field.channels)}; name each of them, in order: channels=[…], or choose a segmenter and "
                'settings that need no more, e.g. {"cell_channels": ["green"]}.'
            )
        return field


def _wrong(came: str) -> InputError:
    return InputError(
        f"an image is an array of shape (height, width, channel), (channel, height, width) or (height, width), or the "
        f"path of a file; several are a folder, a list or a mapping of names to images. Came {came}."
    )


def _conversion(image: np.ndarray) -> str:
    if image.dtype.kind == "f":
        return "; values from 0 to 1 are converted by (image * 65535).astype(np.uint16)"
    return "; values up to 65535 are converted by image.astype(np.uint16)" if image.dtype.kind in "iu" else ""
