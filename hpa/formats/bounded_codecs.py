"""Codecs of Zarr that inflate a chunk to the size its array gives it, and no further.

The codecs of zarr inflate whatever a chunk holds and compare its size afterwards: 13 kB of zeros become gigabytes. Of
Blosc, LZ4 and Zstandard the beginning of a chunk states the size; the others are inflated in pieces.
"""

from __future__ import annotations

import asyncio
import bz2
import gzip
import io
import lzma
import math
import threading
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any

_SLACK_BYTES = 4096
"""Of checksums, and of codecs behind each other, whose results may be a little larger than the pixels."""
_MAX_LZMA_BYTES = 1 << 27
_ZSTD_START = b"\x28\xb5\x2f\xfd"


def inflated(name: str, data: bytes, pixel_bytes: int, codec: Any = None) -> bytes:
    """Return what a codec stored.

    Args:
        name: Of the codec.
        data: A chunk as it is stored.
        pixel_bytes: Of the chunk, by its shape and type.
        codec: Of numcodecs, for settings that the data do not repeat.

    Raises:
        ValueError: If it is more than the chunk holds.
    """
    import numcodecs

    limit = pixel_bytes + pixel_bytes // 64 + _SLACK_BYTES
    if name == "blosc":
        _require(int.from_bytes(data[4:8], "little"), limit)
        return bytes(numcodecs.blosc.decompress(data))
    if name == "lz4":
        _require(int.from_bytes(data[:4], "little"), limit)
        return bytes(numcodecs.lz4.decompress(data))
    if name == "zstd":
        stated = _stated_by_zstd(data)
        if stated is None:  # written as a stream: into the place that the pixels need
            return bytes(numcodecs.zstd.decompress(data, bytearray(pixel_bytes)))
        _require(stated, limit)
        return bytes(numcodecs.zstd.decompress(data))
    found = _PIECEWISE[name](data, limit + 1, codec)
    _require(len(found), limit)
    return found


def _require(count: int, limit: int) -> None:
    if count > limit:
        raise ValueError(f"a chunk inflates to {count:,} bytes or more, its array gives it {limit:,}")


def _stated_by_zstd(data: bytes) -> int | None:
    """Return the size that the first frame states (RFC 8878, 3.1.1.1), None of a stream, which states none."""
    if data[:4] != _ZSTD_START or len(data) < 5:
        return None
    has_no_window, size_code = data[4] >> 5 & 1, data[4] >> 6
    start = 6 - has_no_window + (0, 1, 2, 4)[data[4] & 3]
    width = (has_no_window, 2, 4, 8)[size_code]
    return int.from_bytes(data[start : start + width], "little") + 256 * (width == 2) if width else None


def _of_zlib(data: bytes, most: int, _: Any) -> bytes:
    decoder = zlib.decompressobj()
    found = decoder.decompress(data, most)
    if not decoder.eof and len(found) < most:
        raise ValueError("a chunk is cut short")
    return found


_PIECEWISE: dict[str, Callable[[bytes, int, Any], bytes]] = {
    "gzip": lambda data, most, _: gzip.GzipFile(fileobj=io.BytesIO(data)).read(most),
    "zlib": _of_zlib,
    "bz2": lambda data, most, _: bz2.BZ2File(io.BytesIO(data)).read(most),
    "lzma": lambda data, most, codec: _decoder_of_lzma(codec).decompress(data, most),
}


def _decoder_of_lzma(codec: Any) -> lzma.LZMADecompressor:
    """Return a decoder for a chunk, which states itself how much memory it takes."""
    most = None if codec.format == lzma.FORMAT_RAW else _MAX_LZMA_BYTES
    return lzma.LZMADecompressor(codec.format, memlimit=most, filters=codec.filters)


def bound(compressor: Any, pixel_bytes: int) -> None:
    """Let the compressor of an array of Zarr 2 inflate its chunks by `inflated`."""
    name = compressor.codec_id
    compressor.decode = lambda data: inflated(name, bytes(data), pixel_bytes, compressor)


class _Bounded:
    """Inflates by `inflated`, in whichever way zarr calls for it."""

    _name: str

    def _decode_sync(self, chunk_bytes: Any, chunk_spec: Any) -> Any:
        pixel_bytes = math.prod(chunk_spec.shape) * chunk_spec.dtype.to_native_dtype().itemsize
        return chunk_spec.prototype.buffer.from_bytes(inflated(self._name, chunk_bytes.to_bytes(), pixel_bytes))

    async def _decode_single(self, chunk_bytes: Any, chunk_spec: Any) -> Any:
        return await asyncio.to_thread(self._decode_sync, chunk_bytes, chunk_spec)


_setting = threading.Lock()
"""The settings of zarr are those of all threads, and images are read by several."""


@cache
def _chosen() -> dict[str, str]:
    """Make the codecs of Zarr 3, and return by which setting zarr takes which."""
    from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec
    from zarr.registry import register_codec

    chosen = {}
    for name, codec in (("blosc", BloscCodec), ("gzip", GzipCodec), ("zstd", ZstdCodec)):
        bounded = type(f"Bounded{codec.__name__}", (_Bounded, codec), {"_name": name, "__module__": __name__})
        register_codec(name, bounded)
        chosen[f"codecs.{name}"] = f"{__name__}.{bounded.__qualname__}"
    return chosen


def open_bounded(folder: str, pixel_bytes: int) -> Any:
    """Return an array whose chunks are inflated to the size that it gives them."""
    import zarr  # an optional extra, as in all of this module

    with _setting, zarr.config.set(_chosen()):
        array = zarr.open_array(folder, mode="r")
    if compressor := getattr(array.metadata, "compressor", None):
        bound(compressor, pixel_bytes)
    return array
