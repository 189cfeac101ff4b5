"""PNG files (ISO/IEC 15948): grey or colour, 8 or 16 bit; palettes become colours, transparency is left out."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Shaped
from PIL import Image, PngImagePlugin

from hpa.core.errors import InputError
from hpa.formats.image_header import GREY, RGB, ImageHeader, Scene, check_size, declared_bits, numbered
from hpa.formats.tiff import BROKEN, damaged

START = b"\x89PNG\r\n\x1a\n"
_HEAD_BYTES = 33  # signature and the whole first chunk
_TAIL_BYTES = 1024  # the closing chunk, and what careless programs write after it
_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGBA = 0, 2, 3, 4, 6
"""Colour types of the standard."""
_ORIENTATION = 274
_NOTES = dict.fromkeys((_GREY_ALPHA, _RGBA), ("alpha left out",)) | {_PALETTE: ("palette applied",)}


def inspect_png(path: Path) -> ImageHeader:
    """Return what the first chunks of a file say, having seen its last; no pixel is decoded.

    Raises:
        InputError: If the file is damaged, cut short, or an animation.
    """
    head, tail = _ends_of(path)
    if len(head) < _HEAD_BYTES or head[12:16] != b"IHDR" or b"IEND" not in tail:
        raise damaged(path, "its end is missing")
    if (frames := _frames_of(path)) > 1:
        raise InputError(f"{path}: an animation of {frames} pictures; save the one that is wanted as a PNG of its own.")
    width, height, depth, colour = struct.unpack(">IIBB", head[16:26])
    is_grey = colour in (_GREY, _GREY_ALPHA)
    if colour == _PALETTE:
        depth = 8  # of the colours
    bits = _significant_bits(path) if depth == 16 else depth
    return ImageHeader(
        path,
        "PNG",
        (
            Scene(
                height=height,
                width=width,
                channel_names=("1",) if is_grey else numbered(["red", "green", "blue"], 3),
                dtype={8: "uint8", 16: "uint16"}.get(depth, f"{depth} bit"),
                bits=bits,
                colour=GREY if is_grey else RGB,
                notes=_NOTES.get(colour, ()),
            ),
        ),
        _orientation_note(path),
    )


def read_png(path: Path) -> Shaped[np.ndarray, "1 channel height width"]:
    """Return the planes of a file: grey, or red, green and blue.

    Raises:
        InputError: As `inspect_png`, and if the pixels cannot be decoded.
    """
    scene = inspect_png(path).scenes[0]
    check_size(path, scene.height * scene.width * len(scene.channel_names))
    return _right_aligned(_decoded(path, scene), scene.bits)


def _right_aligned(planes: np.ndarray, bits: int) -> np.ndarray:
    """Return levels of `bits` bits, where a writer has scaled them to 16 as the standard wants (it is not always kept).

    Levels that `bits` bits can hold are left as they are, also where all are multiples of 16.

    >>> _right_aligned(np.array([0, 16, 65520], np.uint16), 12), _right_aligned(np.array([0, 1, 4095], np.uint16), 12)
    (array([   0,    1, 4095], dtype=uint16), array([   0,    1, 4095], dtype=uint16))
    """
    missing = 8 * planes.dtype.itemsize - bits
    if missing <= 0 or planes.max(initial=0) < 1 << bits:
        return planes
    shifted = planes >> np.uint16(missing)
    rest = planes & np.uint16((1 << missing) - 1)
    is_scaled = not rest.any() or np.array_equal(rest, shifted >> np.uint16(max(0, bits - missing)))
    return shifted if is_scaled else planes


def _decoded(path: Path, scene: Scene) -> Shaped[np.ndarray, "1 channel height width"]:
    try:
        content = path.read_bytes()
        if fault := checksum_fault(content):
            raise damaged(path, fault)
        if scene.colour == GREY and not scene.notes:
            with PngImagePlugin.PngImageFile(io.BytesIO(content)) as image:  # the limit above is ours
                return np.asarray(image).astype(scene.dtype, copy=False)[None, None]  # 16 bit may come as 32
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except BROKEN as error:
        if isinstance(error, InputError):
            raise
        raise damaged(path, str(error)) from error
    if pixels is None or pixels.ndim not in (2, 3):
        raise damaged(path, "its pixels cannot be decoded")
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    planes = pixels[..., :1] if scene.colour == GREY else pixels[..., 2::-1]  # OpenCV: blue, green, red
    if planes.shape[2] != len(scene.channel_names):
        planes = np.repeat(planes[..., :1], len(scene.channel_names), axis=2)
    return np.ascontiguousarray(np.moveaxis(planes, -1, 0))[None]


def checksum_fault(content: bytes) -> str:
    """Hold each chunk against its checksum, which decoders do not for pixels; return what is wrong, "" for nothing."""
    view, place = memoryview(content), len(START)
    while place + 12 <= len(content):
        stop = place + 8 + struct.unpack_from(">I", content, place)[0]
        body, checksum = view[place + 4 : stop], view[stop : stop + 4]
        if len(checksum) != 4 or zlib.crc32(body) != struct.unpack(">I", checksum)[0]:
            return "a checksum is wrong"
        if bytes(body[:4]) == b"IEND":
            return ""
        place = stop + 4
    return "its end is missing"


def _significant_bits(path: Path) -> int:
    """Return the bits of the chunk sBIT, 16 where there is none."""
    with path.open("rb") as file:
        content = file.read(_TAIL_BYTES)  # sBIT comes before the pixels
    place = content.find(b"sBIT")
    return declared_bits(content[place + 4], 16) if place > 0 else 16


def _frames_of(path: Path) -> int:
    """Return the number of pictures that the chunk acTL of an animation gives, 1 where there is none before pixels."""
    with path.open("rb") as file:
        file.seek(len(START))
        while len(head := file.read(8)) == 8 and head[4:] not in (b"IDAT", b"IEND"):
            if head[4:] == b"acTL" and len(count := file.read(4)) == 4:
                return int(struct.unpack(">I", count)[0])
            file.seek(struct.unpack(">I", head[:4])[0] + 4, 1)  # what the chunk holds, and its checksum
    return 1


def _orientation_note(path: Path) -> tuple[str, ...]:
    """Return what the chunk eXIf says of the orientation, as of a TIFF."""
    with path.open("rb") as file:
        content = file.read(_TAIL_BYTES)
    place = content.find(b"eXIf")
    if place < 0:
        return ()
    length = struct.unpack(">I", content[place - 4 : place])[0]
    exif = Image.Exif()
    try:
        exif.load(content[place + 4 : place + 4 + length])
        orientation = exif.get(_ORIENTATION, 1)
    except BROKEN:
        return ()
    return (f"orientation {orientation} of its header is not applied",) if orientation != 1 else ()


def _ends_of(path: Path) -> tuple[bytes, bytes]:
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        size = file.seek(0, 2)
        file.seek(max(0, size - _TAIL_BYTES))
        return head, file.read()
