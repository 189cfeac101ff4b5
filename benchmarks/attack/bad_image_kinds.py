"""Kinds of bad images and weights through the public commands: what a header promises, leads to, or repeats."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.attack.bad_files import tiff_of
from benchmarks.attack.kind import Kind

_SEGMENT = "segment @images @maps segmenter=watershed_nuclei --pixel-um 0.3"
_CONVERT = "convert-weights @n.safetensors @weights/w.safetensors"
_AGAIN = "copy or export it again"
_SOUND = tiff_of(np.arange(4096, dtype=np.uint16).reshape(64, 64))
_BITS, _STRIPS, _SAMPLES = 258, 273, 277
_TENSOR = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}


def _tiff(tag: int, value: int) -> dict[str, bytes | None]:
    """Return an image with another value of a tag."""
    changed = bytearray(_SOUND)
    first = struct.unpack_from("<I", _SOUND, 4)[0]
    for entry in range(struct.unpack_from("<H", _SOUND, first)[0]):
        place = first + 2 + 12 * entry
        if struct.unpack_from("<H", _SOUND, place)[0] == tag:
            struct.pack_into("<I", changed, place + 8, value)
    return {"images/a.tif": bytes(changed)}


def _tiff_without_end() -> dict[str, bytes | None]:
    """Return an image whose first page is followed by its first page."""
    changed = bytearray(_SOUND)
    first = struct.unpack_from("<I", _SOUND, 4)[0]
    struct.pack_into("<I", changed, first + 2 + 12 * struct.unpack_from("<H", _SOUND, first)[0], first)
    return {"images/a.tif": bytes(changed)}


def _chunk(name: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + checksum


def _png(colour: int = 0, before: bytes = b"", pixels: bytes | None = None) -> dict[str, bytes | None]:
    """Return an image of 64² px with chunks before its pixels."""
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 64, 8, colour, 0, 0, 0))
    rows = _chunk(b"IDAT", zlib.compress(bytes(65 * 64))) if pixels is None else pixels
    return {"images/a.png": b"\x89PNG\r\n\x1a\n" + header + before + rows + _chunk(b"IEND", b"")}


def _zarr(dataset: Mapping[str, Any], array: Mapping[str, Any]) -> dict[str, bytes | None]:
    """Return an OME-Zarr image with other metadata of its array."""
    axes = [{"name": name, "type": "space"} for name in "yx"]
    ome = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": [{"path": "0", **dataset}]}]}
    group = {"zarr_format": 3, "node_type": "group", "attributes": {"ome": ome}}
    own = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": [64, 64],
        "data_type": "uint16",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [64, 64]}},
        "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
    }
    files = {"zarr.json": group, "0/zarr.json": {**own, **array}}
    return {f"images/a.zarr/{name}": json.dumps(values).encode() for name, values in files.items()}


def _safetensors(header: bytes, length: int | None = None) -> dict[str, bytes | None]:
    size = len(header) if length is None else length
    return {"n.safetensors": struct.pack("<Q", size) + header + bytes(16)}


IMAGE_KINDS: tuple[Kind, ...] = (
    Kind("pixels of a femtometre", "segment @images @maps --pixel-um 1e-9", ("1e-9", "0.005 to 50", "0.325"), code=2),
    Kind("pixels of a metre", "import @true @maps --channels 1=green --pixel-um 1e6", ("1e6", "0.005 to 50"), code=2),
    Kind("a TIFF that begins again", _SEGMENT, ("a.tif", "begins again", _AGAIN), _tiff_without_end()),
    Kind("a TIFF of pixels elsewhere", _SEGMENT, ("a.tif", "its end is missing", _AGAIN), _tiff(_STRIPS, 1 << 31)),
    Kind("a TIFF of 128 bits", _SEGMENT, ("a.tif", "sample format", _AGAIN), _tiff(_BITS, 128)),
    Kind("a TIFF of 65,535 channels", _SEGMENT, ("a.tif", "cut short", _AGAIN), _tiff(_SAMPLES, 65_535)),
    Kind("a PNG with a profile of 20 MB", _SEGMENT, ("a.png", "too large", _AGAIN),
         _png(before=_chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(20_000_000))))),
    Kind("a PNG with a text of 20 MB", _SEGMENT, ("a.png", "too large", _AGAIN),
         _png(before=_chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(20_000_000))))),
    Kind("a PNG with a chunk of 2 GB", _SEGMENT, ("a.png", "cut short", _AGAIN),
         _png(pixels=struct.pack(">I", (1 << 31) - 1) + b"IDAT")),
    Kind("a PNG without its palette", _SEGMENT, ("a.png", "cannot be decoded", _AGAIN), _png(colour=3)),
    Kind("a Zarr whose codec is a command", _SEGMENT, ("a.zarr", "os.system", "save it with blosc"),
         _zarr({}, {"codecs": [{"name": "os.system", "configuration": {"command": "id"}}]})),
    Kind("a Zarr that leads elsewhere", _SEGMENT, ("a.zarr", "outside the image", "export it again"),
         _zarr({"path": "../../../.."}, {})),
    Kind("a Zarr of chunks without size", _SEGMENT, ("a.zarr", "chunks of the shape", "export it again"),
         _zarr({}, {"chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [-64, 64]}}})),
    Kind("a Zarr of texts", _SEGMENT, ("a.zarr", "'string'", "export it again"), _zarr({}, {"data_type": "string"})),
    Kind("weights with a header of 2^63", _CONVERT, ("n.safetensors", "is not read", "one network"),
         _safetensors(b"{}", 1 << 63)),
    Kind("weights nested without end", _CONVERT, ("n.safetensors", "is not read", "one network"),
         _safetensors(b'{"a":' + b"[" * 100_000)),
    Kind("weights that command the terminal", _CONVERT, ("n.safetensors", "is not read", "one network"),
         _safetensors(json.dumps({"\x1b[2J": _TENSOR}).encode())),
)  # fmt: skip
