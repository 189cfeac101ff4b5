"""Grey planes on disk: one PNG or TIFF file a channel, 8 or 16 bit, read as stored.

Everything is told from the file itself, not from its name: the format by its first bytes, size and depth by its header,
truncation by its end, so that a whole data set is checked without decoding a pixel. Colour files are refused even where
their planes are equal: which plane is the stain is a guess that a reader must not make.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tifffile
from jaxtyping import UInt8, UInt16
from PIL import Image

from hpa.core.channels import HPA_FIELD_WIDTH_UM
from hpa.core.errors import InputError
from hpa.core.field import Field

SUFFIXES: tuple[str, ...] = (".png", ".tif", ".tiff")
READ_THREADS = 2
"""Decoders release the interpreter lock: on two cores, two threads read four 2048² planes in 54 ms instead of 90."""

_PNG_START = b"\x89PNG\r\n\x1a\n"
_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_HEAD_BYTES = 33  # signature and the whole first chunk of a PNG
_TAIL_BYTES = 1024  # the closing chunk of a PNG, and what careless programs write after it
_PNG_COLOURS = {2: "RGB", 3: "a colour palette", 4: "grey with transparency", 6: "RGBA"}
BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    RuntimeError,  # of imagecodecs, which tifffile decodes by where it is installed
    struct.error,
    zlib.error,
    tifffile.TiffFileError,
    Image.DecompressionBombError,
)
"""What Pillow, tifffile and the decoders below them raise at damaged files."""

Plane = UInt8[np.ndarray, "height width"] | UInt16[np.ndarray, "height width"]


class PlaneInfo(NamedTuple):
    """What the header of a plane tells."""

    height: int
    """Rows, px."""
    width: int
    """Columns, px."""
    bits: int
    """8 or 16."""

    def __str__(self) -> str:
        """Read as `512×256 px, 8 bit` (width first, as viewers write it)."""
        return f"{self.width}×{self.height} px, {self.bits} bit"


def plane_info(path: Path) -> PlaneInfo:
    """Return size and depth of a grey plane from its header, having seen that the file is whole; no pixel is decoded.

    Raises:
        InputError: If the file is missing, empty, cut short, no PNG or TIFF, or not one 8 or 16 bit grey plane.
    """
    head, tail = _ends_of(path)
    try:
        if head.startswith(_PNG_START):
            info = _png_info(path, head, tail)
        elif head.startswith(_TIFF_STARTS):
            info = _tiff_info(path)
        else:
            raise InputError(f"{path}: a PNG or TIFF file is expected, it begins with {head[:8]!r}; convert it.")
    except InputError:
        raise
    except BROKEN as error:
        raise damaged(path, str(error)) from error
    if not info.height or not info.width:
        raise InputError(f"{path}: the image has no pixels ({info}); export it again.")
    return info


def read_plane(path: Path) -> Plane:
    """Return the pixels of one grey plane as they are stored.

    Raises:
        InputError: As `plane_info`, and if the pixels cannot be decoded.
    """
    info = plane_info(path)
    plane = np.empty((info.height, info.width), _dtype_of(info))
    _decode_into(plane, path)
    return plane


def read_field(image_id: str, paths: Mapping[str, Path], pixel_um: float | None) -> Field:
    """Read the planes of a field side by side in threads.

    Args:
        image_id: Name of the image.
        paths: File of each channel; their order is the order of the planes.
        pixel_um: Side of a pixel, µm; None takes the field to be as wide as those of the Human Protein Atlas.

    Raises:
        InputError: If a file cannot be read, or the files differ in size or depth.
    """
    infos = {channel: plane_info(path) for channel, path in paths.items()}
    if difference := difference_of(infos):
        raise InputError(f"{image_id}: {difference}")
    info = next(iter(infos.values()))
    pixels = np.empty((len(infos), info.height, info.width), _dtype_of(info))
    with ThreadPoolExecutor(READ_THREADS) as pool:
        list(pool.map(_decode_into, pixels, paths.values()))
    return Field(image_id, pixels, tuple(paths), pixel_um or HPA_FIELD_WIDTH_UM / info.width)


def difference_of(infos: Mapping[str, PlaneInfo]) -> str | None:
    """Tell how the channels of one field differ in size or depth, None where they agree."""
    if len(set(infos.values())) <= 1:
        return None
    listed = ", ".join(f"{channel} {info}" for channel, info in infos.items())
    return f"the channels differ ({listed}); export all of them from the same field, at the same size and depth."


def _ends_of(path: Path) -> tuple[bytes, bytes]:
    """Return the first and the last bytes of a file that is not empty."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL_BYTES))
            tail = file.read()
    except FileNotFoundError as error:
        raise InputError(f"{path}: the file is missing; add it, or take its channel out of data.channels.") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror}); check the path and its permissions.") from error
    if not size:
        raise InputError(f"{path}: the file is empty (0 bytes); copy it again.")
    return head, tail


def _png_info(path: Path, head: bytes, tail: bytes) -> PlaneInfo:
    """Read the first chunk of a PNG file (ISO/IEC 15948: IHDR) and look for its last (IEND)."""
    if len(head) < _HEAD_BYTES or head[12:16] != b"IHDR" or b"IEND" not in tail:
        raise damaged(path, "its end is missing")
    width, height, bits, colour = struct.unpack(">IIBB", head[16:26])
    if colour in _PNG_COLOURS:
        raise _not_grey(path, _PNG_COLOURS[colour])
    if bits not in (8, 16):
        raise _not_grey(path, f"{bits} bit")
    return PlaneInfo(height, width, bits)


def _tiff_info(path: Path) -> PlaneInfo:
    """Read the tags of a TIFF file, and check that all its data lie inside the file."""
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages.first
        if len(tiff.pages) != 1:
            raise _not_grey(path, f"{len(tiff.pages)} pages")
        if page.photometric != tifffile.PHOTOMETRIC.MINISBLACK or page.samplesperpixel != 1 or len(page.shape) != 2:
            raise _not_grey(path, f"{getattr(page.photometric, 'name', page.photometric)} of shape {page.shape}")
        if page.dtype not in (np.uint8, np.uint16):
            raise _not_grey(path, f"pixels of type {page.dtype}")
        ends = [start + count for start, count in zip(page.dataoffsets, page.databytecounts, strict=True)]
        if max(ends, default=0) > tiff.filehandle.size:
            raise damaged(path, "its end is missing")
        height, width = page.shape
        return PlaneInfo(height, width, 8 * page.dtype.itemsize)


def _decode_into(plane: Plane, path: Path) -> None:
    """Fill an array with the pixels of a file whose header was read before."""
    try:
        with path.open("rb") as file:
            if file.read(len(_PNG_START)) == _PNG_START:
                with Image.open(path, formats=["PNG"]) as image:
                    plane[:] = np.asarray(image)  # 16 bit comes as 32 bit integers from older Pillow: cast here
            else:
                plane[:] = tifffile.imread(path, maxworkers=1)
    except BROKEN as error:
        raise damaged(path, str(error)) from error


def _dtype_of(info: PlaneInfo) -> type[np.uint8] | type[np.uint16]:
    return np.uint8 if info.bits == 8 else np.uint16


def damaged(path: Path, reason: str) -> InputError:
    """Return the error of a file that a decoder (one of `BROKEN`) gave up on, with the remedy."""
    if "imagecodecs" in reason:
        return InputError(
            f"{path}: its compression needs the package imagecodecs; install it, or save it with deflate."
        )
    return InputError(f"{path}: the file is damaged or cut short ({reason}); copy or export it again.")


def _not_grey(path: Path, found: str) -> InputError:
    return InputError(
        f"{path}: one grey plane of 8 or 16 bit is expected, the file holds {found}; "
        "save the plane of this channel alone as an 8 or 16 bit grey PNG or TIFF."
    )
