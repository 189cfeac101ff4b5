"""Run lengths of masks in column order, and the COCO text of them (Lin et al., ECCV 2014), many masks at once.

A mask read down its columns is a list of counts: background, cell, background, … COCO writes each count from the fourth
on as the difference to the count two places before, in groups of five bits, lowest first, as printable bytes from "0".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Int64, Integer

from hpa.core.errors import InputError

MAX_MASK_PX = (1 << 29) - 1
"""Pixels of the largest image whose masks are read, 23,170 x 23,170 px: no sum of its counts leaves 64 bits."""
_FIRST_BYTE = 48  # "0"
_BITS = 5
_MORE_FOLLOWS = 1 << _BITS
_SIGN = 1 << (_BITS - 1)
_MAX_GROUPS = 12  # 60 bits: no image has a longer run
_MAX_GROUPS_READ = 6
"""Enough for counts up to `MAX_MASK_PX`; pycocotools shifts in 32 bits, and makes other numbers of longer groups."""
_KEY_BITS = 63  # a cell and a position sorted as one number
_BAND_PX = 1 << 18
"""Pixels compared at once: 1 MiB of 32 bits lies in the cache of a core."""
_BATCH_BYTES = 1 << 20
"""Bytes of text that are read at once: an array of 64-bit numbers takes eight times as much, and several are needed."""
_OUT_OF_REACH = 1 << (_BITS * np.arange(1, _MAX_GROUPS) - 1)
"""Smallest magnitude for which 1, 2, 3, … groups are too few: one bit of the last group is the sign."""


@dataclass(frozen=True)
class Runs:
    """Pixel runs of several masks of one size, positions counted down the columns from 0.

    Attributes:
        mask_of: For each run, which mask it belongs to, ascending.
        starts: First pixel of each run, ascending within a mask.
        stops: The pixel after each run.
    """

    mask_of: Int64[np.ndarray, " run"]
    starts: Int64[np.ndarray, " run"]
    stops: Int64[np.ndarray, " run"]


def runs_of(
    label_map: Integer[np.ndarray, "height width"] | Bool[np.ndarray, "height width"],
) -> tuple[Runs, Int64[np.ndarray, " cell"]]:
    """Return the runs of all cells, and the number of each cell in ascending order (`mask_of` counts in this order).

    One pass over differences of neighbouring rows: the map is never transposed nor looked at cell by cell.

    Raises:
        InputError: If the map has no pixel, or a number is negative.
    """
    if label_map.size == 0:
        raise InputError(f"a mask or label map needs at least one pixel, this one is {label_map.shape} px.")
    height, width = label_map.shape
    above, cells_above, cells_below = _vertical_changes(label_map)
    row = above // width  # many times faster than divmod, which has no vector code
    position = (above - row * width) * height + row
    # Down a column a run begins below a change and ends above it; a run goes on across columns where the bottom pixel
    # of one and the top pixel of the next are the same cell.
    broken = label_map[-1, :-1] != label_map[0, 1:]
    column_begins = np.flatnonzero(np.concatenate([[True], broken]))
    column_ends = np.flatnonzero(np.concatenate([broken, [True]]))
    cell_begun = np.concatenate([cells_below, label_map[0, column_begins]]).astype(np.int64)
    cell_ended = np.concatenate([cells_above, label_map[-1, column_ends]]).astype(np.int64)
    if cell_begun.min() < 0:
        raise InputError(f"a label map holds 0 and positive numbers, not {cell_begun.min()}; set such pixels to 0.")
    begun = np.concatenate([position + 1, column_begins * height])
    ended = np.concatenate([position + 1, (column_ends + 1) * height])
    cells, starts = _ordered(cell_begun, begun, label_map.size)
    _, stops = _ordered(cell_ended, ended, label_map.size)
    is_first = np.diff(cells, prepend=-1) != 0
    return Runs(np.cumsum(is_first) - 1, starts, stops), cells[is_first]


def _vertical_changes(
    label_map: Integer[np.ndarray, "height width"] | Bool[np.ndarray, "height width"],
) -> tuple[Int64[np.ndarray, " pixel"], Int64[np.ndarray, " pixel"], Int64[np.ndarray, " pixel"]]:
    """Return the pixels that differ from the one below, counted along the rows, and the cells of both.

    They are looked for in bands of rows that the processor's cache holds.
    """
    height, width = label_map.shape
    rows = max(1, _BAND_PX // width)
    differs = np.empty(min(rows, height - 1) * width, bool)
    empty = np.empty(0, np.int64)
    found = [(empty, empty, empty)]
    for first in range(0, height - 1, rows):
        band = np.ravel(label_map[first : first + rows + 1])
        compared = differs[: len(band) - width]
        np.not_equal(band[width:], band[:-width], out=compared)
        above = np.flatnonzero(compared)
        found.append((above + first * width, band[above].astype(np.int64), band[above + width].astype(np.int64)))
    above, cells_above, cells_below = map(np.concatenate, zip(*found, strict=True))
    return above, cells_above, cells_below


def _ordered(
    cells: Int64[np.ndarray, " edge"], positions: Int64[np.ndarray, " edge"], size: int
) -> tuple[Int64[np.ndarray, " run"], Int64[np.ndarray, " run"]]:
    inside = cells > 0
    bits = size.bit_length()  # a stop may stand at `size` itself
    if int(cells.max()) >> (_KEY_BITS - bits):
        numbers, numbered = np.unique(cells, return_inverse=True)
        ordered, ordered_positions = _ordered(numbered + (numbers[0] > 0), positions, size)
        return numbers[ordered - (numbers[0] > 0)], ordered_positions
    # one key sorts by cell, then by position
    key = np.sort(cells[inside] << bits | positions[inside])
    return key >> bits, key & ((1 << bits) - 1)


def pack(runs: Runs, number_of_masks: int, size: int) -> list[bytes]:
    """Return the COCO text of each mask; `size` = height x width in px."""
    counts, first_of_mask = _counts_of(runs, number_of_masks, size)
    if not len(counts):
        return []
    value = counts.copy()
    value[2:] -= counts[:-2]
    ends = np.append(first_of_mask[1:], len(counts))
    for place in range(3):  # those stand alone
        alone = (first_of_mask + place)[first_of_mask + place < ends]
        value[alone] = counts[alone]
    text, value_ends = _bytes_of(value)
    edges = [0, *value_ends[ends - 1].tolist()]
    return [text[first:last] for first, last in pairwise(edges)]


def _counts_of(
    runs: Runs, number_of_masks: int, size: int
) -> tuple[Int64[np.ndarray, " count"], Int64[np.ndarray, " mask"]]:
    """Return background and cell counts in turn, and the first of each mask; no count for an empty rest at the end."""
    runs_in_mask = np.bincount(runs.mask_of, minlength=number_of_masks)
    # All edges of all masks laid end to end: two a run, and the end of each mask. Counts are what lies between them.
    offset = runs.mask_of * size
    slot = 2 * np.arange(len(runs.starts)) + runs.mask_of
    end_slot = np.cumsum(2 * runs_in_mask + 1) - 1
    edges = np.empty(2 * len(runs.starts) + number_of_masks, np.int64)
    edges[slot] = runs.starts + offset
    edges[slot + 1] = runs.stops + offset
    edges[end_slot] = size * np.arange(1, number_of_masks + 1)
    counts = np.diff(edges, prepend=0)
    empty = (counts[end_slot] == 0) & (runs_in_mask > 0)
    first = end_slot - 2 * runs_in_mask
    first[1:] -= np.cumsum(empty)[:-1]
    return np.delete(counts, end_slot[empty]), first


def _bytes_of(values: Int64[np.ndarray, " value"]) -> tuple[bytes, Int64[np.ndarray, " value"]]:
    """Return the values in groups of five bits as text, and where each value ends in it."""
    magnitude = values ^ (values >> 63)  # one less for negative ones
    groups_in_value = np.ones(len(values), np.int64)
    longer = np.arange(len(values))
    for reach in _OUT_OF_REACH.tolist():
        longer = longer[magnitude[longer] >= reach]
        if not len(longer):
            break
        groups_in_value[longer] += 1
    ends = np.cumsum(groups_in_value)
    text = np.empty(ends[-1] if len(ends) else 0, np.uint8)
    written, rest, left = ends - groups_in_value, values, groups_in_value
    while len(rest):  # one group of all values that have one more
        more = left > 1
        text[written] = (rest & (_MORE_FOLLOWS - 1)) + (_FIRST_BYTE + _MORE_FOLLOWS * more)
        written, rest, left = written[more] + 1, rest[more] >> _BITS, left[more] - 1
    return text.tobytes(), ends


def max_text_bytes(size: int) -> int:
    """Return how long the COCO text of a mask of `size` px can be.

    A count of n px takes at most n bytes, and at most the bytes of the longer one where it is written as a difference
    to another: two bytes per pixel are enough for every mask without runs of no pixel.
    """
    return 2 * size + 16


def unpack(texts: Sequence[bytes], size: int) -> Runs:
    """Return the runs of masks given as COCO texts; `size` = height x width in px of each.

    No count is summed before it is known to lie between 0 and `size`, so no sum wraps around 64 bits.

    Raises:
        InputError: If an image is larger than `MAX_MASK_PX`, or a text is cut off, longer than a mask of this size can
            need, holds a count that is negative or larger than the image, or counts another number of pixels than
            `size`.
    """
    if size > MAX_MASK_PX:
        raise InputError(f"masks are read of images up to {MAX_MASK_PX:,} px, this one has {size:,}; check its size.")
    batches = [_unpack(texts[first:last], size) for first, last in _batches(texts)]
    firsts = [first for first, _ in _batches(texts)]
    return Runs(
        np.concatenate([np.empty(0, np.int64), *(runs.mask_of + n for runs, n in zip(batches, firsts, strict=True))]),
        np.concatenate([np.empty(0, np.int64), *(runs.starts for runs in batches)]),
        np.concatenate([np.empty(0, np.int64), *(runs.stops for runs in batches)]),
    )


def _batches(texts: Sequence[bytes]) -> list[tuple[int, int]]:
    """Return first and last (not included) of the texts that are read together: `_BATCH_BYTES`, or a single one."""
    edges, length = [0], 0
    for number, text in enumerate(texts):
        if length and length + len(text) > _BATCH_BYTES:
            edges.append(number)
            length = 0
        length += len(text)
    return list(pairwise([*edges, len(texts)])) if texts else []


def _unpack(texts: Sequence[bytes], size: int) -> Runs:
    longest = max(map(len, texts))
    if longest > max_text_bytes(size):
        raise InputError(
            f"a mask text of {longest:,} bytes is longer than any mask of {size:,} px needs: the text is damaged; "
            "encode the mask anew."
        )
    values, values_in_mask = _read_values(texts)
    _require_counts(np.abs(values), size)
    rows_in_mask = (values_in_mask + 1) // 2
    first_row = np.cumsum(rows_in_mask) - rows_in_mask
    counts = np.zeros((rows_in_mask.sum(), 2), np.int64)  # (row, [background, cell]); the last cell may be missing
    unpadded = np.cumsum(values_in_mask) - values_in_mask
    slot = np.arange(len(values)) + np.repeat(2 * first_row - unpadded, values_in_mask)
    counts.reshape(-1)[slot] = values
    _undo_differences(counts, first_row, rows_in_mask)
    unpaired = values_in_mask % 2 == 1
    counts[(first_row + rows_in_mask - 1)[unpaired], 1] = 0
    if counts.min() < 0:
        raise InputError("a mask holds a run of negative length: the text is damaged; encode the mask anew.")
    _require_counts(counts, size)
    totals = np.add.reduceat(counts.sum(axis=1), first_row)
    wrong = totals[totals != size]
    if len(wrong):
        raise InputError(f"a mask counts {wrong[0]} pixels, the image has {size}; encode it at the size of the image.")
    mask_of = np.repeat(np.arange(len(texts)), rows_in_mask)
    stops = np.cumsum(counts.sum(axis=1)) - mask_of * size  # each mask counts `size` in all
    lengths = counts[:, 1]
    filled = lengths > 0
    return Runs(mask_of[filled], (stops - lengths)[filled], stops[filled])


def _require_counts(counts: Int64[np.ndarray, "*axes"], size: int) -> None:
    """Raise InputError if a count is larger than the image."""
    largest = int(counts.max())
    if largest > size:
        raise InputError(
            f"a mask holds a count of {largest:,} px, the image has {size:,}: the text is damaged or of another image; "
            "encode the mask at the size of the image."
        )


def _read_values(texts: Sequence[bytes]) -> tuple[Int64[np.ndarray, " value"], Int64[np.ndarray, " mask"]]:
    """Return the values of all texts one after the other, and how many each text holds (at least one)."""
    byte = np.frombuffer(b"".join(texts), np.uint8) - np.uint8(
        _FIRST_BYTE
    )  # wraps: what is too small becomes too large
    is_last = (byte & _MORE_FOLLOWS) == 0
    text_ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
    if not all(texts) or (byte >= 2 * _MORE_FOLLOWS).any() or not is_last[text_ends - 1].all():
        raise InputError("a mask is no COCO run-length text, or is cut off; encode the mask anew.")
    value_ends = np.flatnonzero(is_last)
    value_starts = np.concatenate([[0], value_ends[:-1] + 1])
    lengths = value_ends - value_starts + 1
    if lengths.max() > _MAX_GROUPS_READ:
        raise InputError("a mask holds a count of more than 30 bits: the text is damaged; encode the mask anew.")
    shift = _BITS * (np.arange(len(byte)) - np.repeat(value_starts, lengths))
    values = np.add.reduceat((byte & (_MORE_FOLLOWS - 1)).astype(np.int64) << shift, value_starts)
    negative = (byte[value_ends] & _SIGN) != 0
    values -= negative.astype(np.int64) << (_BITS * lengths)
    values_before = np.searchsorted(value_ends, text_ends, side="left")
    return values, np.diff(values_before, prepend=0)


def _undo_differences(
    counts: Int64[np.ndarray, "row 2"], first_row: Int64[np.ndarray, " mask"], rows_in_mask: Int64[np.ndarray, " mask"]
) -> None:
    """Sum up both columns of each mask in place; its very first count stands alone."""
    first = counts[first_row, 0]
    counts[first_row, 0] = 0
    np.cumsum(counts, axis=0, out=counts)
    before = np.concatenate([np.zeros((1, 2), np.int64), counts])[first_row]
    counts -= np.repeat(before, rows_in_mask, axis=0)
    counts[first_row, 0] = first
