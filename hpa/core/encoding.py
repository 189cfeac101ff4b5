"""Masks and label maps as text: the competition's strings, and the plain column runs of HuBMAP.

A competition string is the COCO run-length text of one mask in column order, zlib at level 9, base64 (the format of the
OpenImages segmentation track: Benenson et al., CVPR 2019). Column runs are `start length` pairs, counted from 1, down
the columns from left to right.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int32, Int64, Integer

from hpa.core.errors import InputError
from hpa.core.run_lengths import MAX_MASK_PX, Runs, max_text_bytes, pack, runs_of, unpack

_ZLIB_LEVEL = 9  # strings are compared byte for byte, so the level belongs to the format
_MAX_DIGITS = 18  # of a number of column runs: the sum of two still fits into 64 bits
_PIECE_CHARACTERS = 1 << 16
"""Column runs are read in pieces of about this length: a list of words takes 50 bytes per word."""
_MAX_BYTES_PER_PX = 4
_FREE_BYTES = 1 << 20
"""All masks of one image may inflate to 4 bytes per pixel and 1 MiB. Cells drawn by hand or found by a network take
0.02 to 0.1 bytes per pixel; noise of single pixels takes 1."""


def encode_mask(mask: Bool[np.ndarray, "height width"]) -> str:
    """Return the competition string of one mask; a mask without a pixel has one too.

    >>> encode_mask(np.eye(2, dtype=bool))
    'eNozMDQyAAAB6wDE'

    Raises:
        InputError: If a side is 0.
    """
    runs, _ = runs_of(mask)
    return _compress(pack(runs, 1, mask.size)[0])


def encode_label_map(label_map: Integer[np.ndarray, "height width"]) -> dict[int, str]:
    """Return the competition string of every cell by its number, ascending; numbers may have gaps.

    Raises:
        InputError: If a side is 0 or a number is negative.
    """
    runs, cells = runs_of(label_map)
    texts = pack(runs, len(cells), label_map.size)
    return {cell: _compress(text) for cell, text in zip(cells.tolist(), texts, strict=True)}


def decode_mask(text: str, height: int, width: int) -> Bool[np.ndarray, "height width"]:
    """Return the mask of a competition string.

    Raises:
        InputError: If the text does not decode or is a mask of another number of pixels.
    """
    return _painted(MaskReader(height, width).runs([text]), height, width)


def decode_label_map(texts: dict[int, str], height: int, width: int) -> Int32[np.ndarray, "height width"]:
    """Return the label map in which each mask carries its number.

    Raises:
        InputError: If a number is not positive, a text does not decode, or two masks share a pixel.
    """
    if any(cell < 1 for cell in texts):
        raise InputError(f"cells are numbered from 1, 0 is background; got {min(texts)}.")
    runs = MaskReader(height, width).runs(list(texts.values()))
    order = np.argsort(runs.starts)
    shared = np.flatnonzero(runs.stops[order][:-1] > runs.starts[order][1:])
    if len(shared):
        first, second = (list(texts)[runs.mask_of[order[at]]] for at in (shared[0], shared[0] + 1))
        raise InputError(
            f"the masks of cells {first} and {second} overlap, a label map holds one cell a pixel; "
            "decode them one by one, or decide who owns the shared pixels."
        )
    numbers = np.array([0, *texts], np.int32)
    edges = np.stack([runs.starts[order], runs.stops[order]], axis=1).ravel()
    lengths = np.diff(edges, prepend=0, append=height * width)
    owners = np.zeros(len(lengths), np.int32)
    owners[1::2] = numbers[1 + runs.mask_of[order]]
    return np.ascontiguousarray(np.repeat(owners, lengths).reshape(width, height).T)


def encode_column_runs(mask: Bool[np.ndarray, "height width"]) -> str:
    """Return `start length` pairs counted from 1 in column order; "" for a mask without a pixel.

    >>> encode_column_runs(np.eye(2, dtype=bool))
    '1 1 4 1'

    Raises:
        InputError: If a side is 0.
    """
    runs, _ = runs_of(mask)
    pairs = np.stack([runs.starts + 1, runs.stops - runs.starts], axis=1)  # (run, 2)
    return " ".join(map(str, pairs.ravel().tolist()))


def decode_column_runs(text: str, height: int, width: int) -> Bool[np.ndarray, "height width"]:
    """Return the mask of `start length` pairs.

    Raises:
        InputError: If a word is no number, one is missing, or runs are empty, outside, unsorted or overlapping.
    """
    return _painted(read_column_runs(text, height, width), height, width)


def read_column_runs(text: str, height: int, width: int) -> Runs:
    """Return the runs of `start length` pairs, all of one mask, without painting it.

    Raises:
        InputError: If a word is no number, one is missing, or runs are empty, outside, unsorted or overlapping.
    """
    _require_size(height, width)
    numbers = _numbers(text, max_count=height * width + 1)
    if len(numbers) % 2:
        raise InputError(f"column runs come in pairs `start length`, got {len(numbers)} numbers: the text is cut off.")
    starts, lengths = numbers.reshape(-1, 2).T
    stops = starts - 1 + lengths
    if (lengths < 1).any() or (starts < 1).any() or (stops > height * width).any():
        raise InputError(
            f"a column run lies outside the image of {height} x {width} = {height * width} px (height x width), or is "
            "empty; starts count from 1. Check the image size and that the text belongs to this image."
        )
    if (starts[1:] <= stops[:-1]).any():
        raise InputError("column runs overlap or are not sorted by start; encode the mask anew.")
    return Runs(np.zeros(len(starts), np.int64), starts - 1, stops)


class MaskReader:
    """Reads the competition strings of one image, and inflates no more of them than its masks can need.

    A few hundred kilobytes of text may inflate to gigabytes; what goes beyond a limit is refused before it is inflated.

    Args:
        height: Of the image, px.
        width: Of the image, px.

    Raises:
        InputError: If a side is 0, or the image larger than `MAX_MASK_PX`.
    """

    def __init__(self, height: int, width: int) -> None:
        _require_size(height, width)
        self._size = height * width
        self._free_bytes = _MAX_BYTES_PER_PX * self._size + _FREE_BYTES

    def runs(self, texts: Sequence[str]) -> Runs:
        """Return the pixel runs of the masks, in their order, without painting any.

        Raises:
            InputError: If a text does not decode, or is a mask of another number of pixels.
        """
        return unpack([self.inflate(text) for text in texts], self._size)

    def inflate(self, text: str) -> bytes:
        """Return the COCO run-length text inside a competition string.

        Raises:
            InputError: If the text is no base64 of zlib data, or inflates to more than masks of this image need.
        """
        if text.startswith(("b'", 'b"')):
            raise InputError(f"mask {text[:12]!r}… is bytes written with str(); write encoded.decode('ascii') instead.")
        if len(text) % 4:
            raise _undecodable(text, "base64 comes in groups of four characters")
        limit = min(max_text_bytes(self._size), self._free_bytes)
        try:
            inflater = zlib.decompressobj()
            inflated = inflater.decompress(base64.b64decode(text, validate=True), limit + 1)
        except (binascii.Error, ValueError, zlib.error) as error:
            raise _undecodable(text, str(error)) from error
        if len(inflated) > limit:
            raise InputError(
                f"mask {text[:12]!r}… ({len(text)} characters) inflates to more than the {limit:,} bytes that are left "
                f"for masks of an image of {self._size:,} px; encode the masks anew, each cell once."
            )
        if not inflater.eof:
            raise _undecodable(text, "incomplete or truncated stream")
        self._free_bytes -= len(inflated)
        return inflated


def _undecodable(text: str, reason: str) -> InputError:
    return InputError(
        f"mask {text[:12]!r}… ({len(text)} characters) does not decode ({reason}); "
        "expected base64 of zlib of a COCO run-length text, as encode_mask writes it."
    )


def _numbers(text: str, max_count: int) -> Int64[np.ndarray, " number"]:
    """Return the numbers of a text of column runs, read piece by piece."""
    pieces = [np.empty(0, np.int64)]
    count = first = 0
    while first < len(text):
        last = _end_of_word(text, first + _PIECE_CHARACTERS)
        words = text[first:last].split()
        invalid = next((word for word in words if not _is_number(word)), None)
        if invalid is not None:
            raise InputError(f"column runs are positive whole numbers `start length …`, got {invalid[:20]!r}.")
        pieces.append(np.array([int(word) for word in words], np.int64))
        count, first = count + len(words), last
        if count > max_count:
            raise InputError(
                f"more than {max_count:,} numbers: an image of {max_count - 1:,} px has no so many column runs; "
                "check the image size and that the text belongs to this image."
            )
    return np.concatenate(pieces)


def _end_of_word(text: str, position: int) -> int:
    """Return the first position from here on that cuts no number; a word that goes on after it is too long for one."""
    for end in range(position, position + _MAX_DIGITS + 1):
        if end >= len(text) or text[end].isspace():
            return end
    return position + _MAX_DIGITS + 1


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdecimal() and len(word) <= _MAX_DIGITS


def _compress(text: bytes) -> str:
    return base64.b64encode(zlib.compress(text, _ZLIB_LEVEL)).decode("ascii")


def _painted(runs: Runs, height: int, width: int) -> Bool[np.ndarray, "height width"]:
    edges = np.stack([runs.starts, runs.stops], axis=1).ravel()
    lengths = np.diff(edges, prepend=0, append=height * width)
    inside = np.arange(len(lengths)) % 2 == 1
    return np.ascontiguousarray(np.repeat(inside, lengths).reshape(width, height).T)


def _require_size(height: int, width: int) -> None:
    if height < 1 or width < 1:
        raise InputError(f"an image has at least one pixel, got height {height} and width {width}.")
    if height * width > MAX_MASK_PX:
        raise InputError(
            f"masks are read of images up to {MAX_MASK_PX:,} px, this one has {height} x {width} px (height x width); "
            "check its size in the table."
        )
