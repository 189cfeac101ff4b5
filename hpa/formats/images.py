"""The one reader of image files: what a file holds, and its planes, whatever its format.

Everything is decided by the file itself, not by its name: the format by its first bytes, the rest by its header,
truncation by its end, so that a whole data set is checked without decoding a pixel.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import UInt8, UInt16

from hpa.core.channels import HPA_FIELD_WIDTH_UM
from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.core.file_names import require_data
from hpa.formats import ome_zarr, png, proprietary, tiff
from hpa.formats.chosen_planes import chosen_planes
from hpa.formats.image_header import (
    GREY,
    ImageHeader,
    PlaneInfo,
    Scene,
    StackChoice,
    check_readable,
    check_size,
    described,
    expanded,
)
from hpa.formats.maker_metadata import metadata_beside
from hpa.formats.pixel_size import side_of

SUFFIXES: tuple[str, ...] = (".png", *tiff.SUFFIXES, ome_zarr.SUFFIX)
"""What every installation reads."""
_OTHER_STARTS = {
    b"\xff\xd8\xff": "a JPEG picture",
    b"BM": "a BMP picture",
    b"GIF8": "a GIF picture",
    b"RIFF": "a WebP picture or a film",
    b"%PDF": "a PDF page",
    b"PK\3\4": "a ZIP archive",
    b"\x1f\x8b": "a gzip archive",
    b"<": "a text such as HTML",
    b"\0\5\x16\7": "what macOS keeps beside another file",
    b"version ": "a pointer of Git LFS instead of the file",
}
"""First bytes of what is no image that is read here."""
READ_THREADS = 2
"""Decoders release the interpreter lock: on two cores, two threads read four 2048² planes in 54 ms instead of 90."""
AS_IS = StackChoice()
"""Refuses stacks and files of several scenes."""

Plane = UInt8[np.ndarray, "height width"] | UInt16[np.ndarray, "height width"]
Planes = UInt8[np.ndarray, "channel height width"] | UInt16[np.ndarray, "channel height width"]


@dataclass(frozen=True)
class StoredImage:
    """The planes of a file.

    Attributes:
        planes: One a channel; levels of 12-bit files are stretched over all 16 bits.
        names: Name of each plane as the file has it, else its number from 1.
        scene: What the header says.
    """

    planes: Planes
    names: tuple[str, ...]
    scene: Scene

    @property
    def pixel_um(self) -> float:
        """Return the side of a pixel, µm; NaN where unknown."""
        return side_of(self.scene.pixel_um)


def inspect_image(path: Path) -> ImageHeader:
    """Return what a file holds, from its header; no pixel is decoded.

    A size of pixels that it lacks is that of the microscope's description beside it (`hpa.formats.maker_metadata`).

    Raises:
        InputError: If the file is missing, empty, damaged or cut short, or its format or compression is not read here.
    """
    header = _own_header(path)
    is_without = [math.isnan(side_of(scene.pixel_um)) for scene in header.scenes]
    beside = metadata_beside(path) if any(is_without) and not header.format.startswith("OME") else None
    if beside is None:
        return header
    scenes = [
        replace(scene, pixel_um=beside.pixel_um) if lacks and beside.width_px in (0, scene.width) else scene
        for scene, lacks in zip(header.scenes, is_without, strict=True)
    ]
    return replace(header, scenes=tuple(scenes))


def _own_header(path: Path) -> ImageHeader:
    if path.is_dir():
        if ome_zarr.is_zarr(path):
            return ome_zarr.inspect_zarr(path)
        raise InputError(f"{path}: cannot be opened, it is a folder; a PNG or TIFF file, or an OME-Zarr is expected.")
    start = _start_of(path)
    if start.startswith(png.START):
        return png.inspect_png(path)
    if start.startswith(tiff.STARTS):
        return tiff.inspect_tiff(path)
    suffix = path.suffix.lower()
    if suffix in proprietary.SUFFIXES:
        return proprietary.inspect_proprietary(path)
    if kind := next((kind for first, kind in _OTHER_STARTS.items() if start.startswith(first)), ""):
        raise InputError(f"{path}: holds {kind}, whatever its name; save it as TIFF or PNG.")
    if kind := next((kind for first, kind in proprietary.STARTS.items() if start.startswith(first)), ""):
        raise InputError(f"{path}: holds {kind}, whatever its name; {proprietary.CONVERSION}.")
    if suffix in proprietary.CONVERTED:
        maker = proprietary.CONVERTED[suffix]
        raise InputError(f"{path}: {suffix} files of {maker} are not read here; {proprietary.CONVERSION}.")
    if suffix in SUFFIXES:
        raise tiff.damaged(path, f"it begins with {start!r}, a PNG or TIFF file is expected")
    raise InputError(
        f"{path}: {suffix or 'a file without suffix'} is no format of images that is read here; a PNG or TIFF file is "
        "expected: export it as OME-TIFF with the microscope's program or Fiji (File > Save As > OME-TIFF)."
    )


def read_image(path: Path, choice: StackChoice = AS_IS, *, is_whole: bool = True) -> StoredImage:
    """Return the planes of an image.

    Args:
        path: The file, or the folder of an OME-Zarr image.
        choice: What is taken of stacks and of several scenes.
        is_whole: Whether the planes must be the whole image. False takes the planes of this very file where others of
            an OME-TIFF set hold further channels.

    Raises:
        InputError: As `inspect_image`; if pixels are no intensities of 8 or 16 bit, if the file is a stack, of several
            scenes or part of a set and `choice` and `is_whole` do not say what to take, or if it exceeds the limit.
    """
    return _read_scene(inspect_image(path), choice, is_whole)


def _read_scene(header: ImageHeader, choice: StackChoice, is_whole: bool) -> StoredImage:
    chosen = chosen_planes(header, choice, is_whole)
    scene = header.scenes[chosen.scene]
    check_size(header.path, len(chosen.slices) * len(scene.channel_names) * scene.height * scene.width)
    stack = _read(header.path, header, chosen.scene, chosen.time, chosen.slices)
    scene = replace(scene, notes=(*scene.notes, *header.notes))
    return StoredImage(expanded(header.path, stack.max(axis=0), choice.bits or scene.bits), scene.channel_names, scene)


def plane_info(path: Path) -> PlaneInfo:
    """Return size and depth of a file that holds one grey plane, from its header; no pixel is decoded.

    Colour files are refused even where their planes are equal: which of them is the stain would be a guess.

    Raises:
        InputError: As `inspect_image`, and if it is not one 8 or 16 bit grey plane.
    """
    return _grey_header(path).scenes[0].info


def read_plane(path: Path, bits: int | None = None) -> Plane:
    """Return the pixels of a file that holds one grey plane; `bits` as of `StackChoice`.

    Raises:
        InputError: As `plane_info`, and if the pixels cannot be decoded.
    """
    return _read_scene(_grey_header(path), StackChoice(bits=bits), is_whole=False).planes[0]


def read_field(image_id: str, paths: Mapping[str, Path], pixel_um: float | None, bits: int | None = None) -> Field:
    """Read the planes of a field side by side in threads.

    Args:
        image_id: Name of the image.
        paths: File of each channel; their order is the order of the planes.
        pixel_um: Side of a pixel, µm; None takes the field to be as wide as those of the Human Protein Atlas.
        bits: Bits that levels use in 16-bit files; None trusts their headers.

    Raises:
        InputError: If a file cannot be read, or the files differ in size or depth.
    """
    headers = {channel: _grey_header(path) for channel, path in paths.items()}
    infos = {channel: header.scenes[0].info for channel, header in headers.items()}
    if difference := difference_of(infos):
        raise InputError(f"{image_id}: {difference}")
    info = next(iter(infos.values()))
    with ThreadPoolExecutor(READ_THREADS) as pool:
        read = pool.map(lambda header: _read_scene(header, StackChoice(bits=bits), is_whole=False), headers.values())
        pixels = np.concatenate([image.planes for image in read])
    return Field(image_id, pixels, tuple(paths), pixel_um or HPA_FIELD_WIDTH_UM / info.width)


def difference_of(infos: Mapping[str, PlaneInfo]) -> str | None:
    """Describe how the channels of one field differ in size or depth, None where they agree."""
    if len(set(infos.values())) <= 1:
        return None
    listed = ", ".join(f"{channel} {info}" for channel, info in infos.items())
    return f"the channels differ ({listed}); export all of them from the same field, at the same size and depth."


def _grey_header(path: Path) -> ImageHeader:
    """Return the header of a file that holds one grey plane.

    Raises:
        InputError: As `plane_info`.
    """
    header = inspect_image(path)
    if found := _not_one_grey_plane(header):
        raise InputError(
            f"{path}: one grey plane of 8 or 16 bit is expected, the file holds {found}; "
            "save the plane of this channel alone as an 8 or 16 bit grey PNG or TIFF."
        )
    check_readable(header, header.scenes[0])
    return header


def _read(path: Path, header: ImageHeader, scene: int, time: int, slices: range) -> np.ndarray:
    """Return planes as (slice, channel, height, width)."""
    if header.format == "PNG":
        return png.read_png(path)
    if header.format.startswith("OME-Zarr"):
        return ome_zarr.read_zarr(path, scene, time, slices)
    if path.suffix.lower() in proprietary.SUFFIXES:
        return proprietary.read_proprietary(path, scene, time, slices)
    return tiff.read_tiff(path, scene, time, slices)


def _start_of(path: Path) -> bytes:
    """Return the first bytes of a file that is not empty."""
    require_data(path)
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except FileNotFoundError as error:
        raise InputError(f"{path}: the file is missing; add it, or take its channel out of data.channels.") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror}); check the path and its permissions.") from error
    if not start:
        raise InputError(f"{path}: the file is empty (0 bytes); copy it again.")
    return start


def _not_one_grey_plane(header: ImageHeader) -> str:
    """Return what a file holds instead of one grey plane of 8 or 16 bit, "" where it does."""
    scene = header.scenes[0]
    if len(header.scenes) > 1:
        return f"{len(header.scenes)} scenes"
    if scene.stack_axes:
        return described(scene.stack_axes)
    if scene.colour != GREY or scene.notes:
        return ", ".join([scene.colour, *scene.notes])
    if len(scene.channel_names) != 1:
        return f"{len(scene.channel_names)} planes"
    return "" if scene.dtype in ("uint8", "uint16") else f"pixels of type {scene.dtype}"
