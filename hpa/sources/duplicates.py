"""Images that are the same picture twice: they must share a fold, or validation images leak into training.

Exact duplicates have equal pixels. Near duplicates are found by a perceptual hash (after Zauner, "Implementation and
benchmarking of perceptual image hash functions", 2010): each plane is reduced to 32 × 32, a cosine transform taken, and
the signs of its middle frequencies kept: what lies where, but not how bright. Hashes are looked up by pieces of 16
bits, so the cost grows with the number of images and not of pairs; each pair that shares a piece is then confirmed by
correlating the two reduced images.

Found: copies at another size, depth, brightness, contrast, gamma or compression, or with noise. Not found: copies that
are flipped, rotated or cropped, which no microscope and no archive makes.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float32, Int64, UInt8, UInt16
from scipy.fft import dctn
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from hpa.core.artifacts import ArtifactCache
from hpa.core.digest import digest_of_array, digest_of_values
from hpa.core.errors import InputError, Problem
from hpa.core.field import Field
from hpa.core.image_table import ImageTable
from hpa.core.sealed_file import DamagedFileError, read_array, write_array
from hpa.interfaces import ImageSource, Split
from hpa.sources.reading import read_identified

_REDUCED_PX = 32
_FREQUENCIES = 12
"""Frequencies kept along each axis: down to a third of a cell in fields of 5 × 5 cells."""
_SLOW_FREQUENCIES = 3
"""Frequencies u, v with u + v below this are left out: uneven illumination is alike in all fields of a microscope."""
_PIECE_BITS = 16
_ENOUGH_CORRELATION = 0.85
"""Confirmed duplicates correlate at least so. On real fields, copies at half the size, 0.3 or 1.5 times the brightness,
or with noise of 30 grey levels reach 0.94 or more, different fields 0.21 or less."""
_MIN_CONTRAST = 1e-6
_NEIGHBOURS = 8
"""Images compared with each other within a piece they share, in the order of their hashes: bounds the work where
thousands of images share a piece."""
_PAIRS_AT_ONCE = 20_000
_READ_THREADS = 4
_DIGEST_BYTES = 16
_KIND = "fingerprints"
_CODE_VERSION = 1
"""Raised whenever fingerprints change, so that kept ones are made anew."""
_SHOWN = 5
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fingerprint:
    """What duplicates are known by.

    Attributes:
        digest: Hash of the pixels: equal for exact duplicates.
        pieces: Perceptual hash, or None where the field is blank.
        reduced: The frequencies themselves, length 1: their product is the correlation of two reduced images.
    """

    digest: bytes
    pieces: UInt16[np.ndarray, " piece"] | None
    reduced: Float32[np.ndarray, " value"]


def with_duplicate_groups(source: ImageSource, table: ImageTable, split: Split, cache: ArtifactCache) -> ImageTable:
    """Return the table with duplicates in one group; groups that exist are merged, never split.

    Images that cannot be read keep their group and become problems of the table. Fingerprints are cached, so that an
    image is decoded for them once and not at every run.
    """
    cache.sweep(_KIND)
    with ThreadPoolExecutor(_READ_THREADS) as pool:
        results = list(pool.map(lambda image_id: _kept_print(source, image_id, split, cache), table.image_ids))
    prints = [None if isinstance(result, Problem) else result for result in results]
    problems = tuple(result for result in results if isinstance(result, Problem))
    pairs = duplicate_pairs(prints)
    if pairs:
        shown = ", ".join(f"{table.image_ids[first]} = {table.image_ids[second]}" for first, second in pairs[:_SHOWN])
        _logger.info("duplicate images share a fold: %d pairs (%s%s)", len(pairs), shown, " …" * (len(pairs) > _SHOWN))
    groups = merge_groups([str(group) for group in table.frame["group"]], pairs)
    return replace(table.with_frame(table.frame.assign(group=groups)), problems=table.problems + problems)


def fingerprint_of(field: Field) -> Fingerprint:
    """Return the fingerprint of a field, of all its planes."""
    return _print_of(field, digest_of_values([field.channels, digest_of_array(field.pixels)]))


def coarse_fingerprint_of(field: Field) -> Fingerprint:
    """Return a fingerprint whose digest is that of every eighth pixel: a fraction of the time, for a look at a set.

    Images that differ beside these pixels only count as exact duplicates; near duplicates they are in any case.
    """
    sample = np.ascontiguousarray(field.pixels[:, ::8, ::8])
    return _print_of(field, digest_of_values([field.channels, list(field.pixels.shape), digest_of_array(sample)]))


def _print_of(field: Field, digest: str) -> Fingerprint:
    waves = np.concatenate([_middle_waves(plane) for plane in field.pixels])
    length = float(np.linalg.norm(waves))
    return _fingerprint(bytes.fromhex(digest), waves if length == 0 else waves / np.float32(length))


def duplicate_pairs(prints: Sequence[Fingerprint | None]) -> list[tuple[int, int]]:
    """Return pairs of duplicates by their place in the list: enough to link all of a group, not every pair."""
    pairs: list[tuple[int, int]] = []
    first_of: dict[bytes, int] = {}
    kinds: dict[int, list[int]] = {}  # by number of pieces: images of other channels are not compared
    for index, made in enumerate(prints):
        if made is None:
            continue
        first = first_of.setdefault(made.digest, index)
        if first != index:
            pairs.append((first, index))
        elif made.pieces is not None:
            kinds.setdefault(len(made.pieces), []).append(index)
    for indices in kinds.values():
        chosen = [made for index in indices if (made := prints[index]) is not None]
        pairs += [(indices[first], indices[second]) for first, second in _near_pairs(chosen)]
    return sorted(pairs)


def merge_groups(groups: Sequence[str], pairs: Sequence[tuple[int, int]]) -> list[str]:
    """Return the groups after those of each pair became one, which is named as the earliest in the list.

    >>> merge_groups(["a", "b", "c", "b"], [(2, 3)])
    ['a', 'b', 'b', 'b']
    """
    names = list(dict.fromkeys(groups))
    number_of = {name: number for number, name in enumerate(names)}
    ends = np.array([[number_of[groups[row]] for row in pair] for pair in pairs], np.int64).reshape(-1, 2)
    links = coo_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(len(names), len(names)))
    _, component = connected_components(links, directed=False)
    _, earliest = np.unique(component, return_index=True)  # (component,): its earliest name
    return [names[earliest[component[number_of[group]]]] for group in groups]


def _kept_print(source: ImageSource, image_id: str, split: Split, cache: ArtifactCache) -> Fingerprint | Problem:
    try:
        identity = source.identity(image_id, split)
        path = cache.path(_KIND, digest_of_values([_CODE_VERSION, identity]), ".npy")
        kept = _read_print(path)
        if kept is not None:
            return kept
        made = fingerprint_of(read_identified(source, image_id, split, identity))
    except InputError as error:
        return Problem(image_id, str(error))
    write_array(path, np.frombuffer(made.digest + made.reduced.tobytes(), np.uint8))
    return made


def _read_print(path: Path) -> Fingerprint | None:
    """Return a kept fingerprint, or None where there is none that is whole."""
    if not path.is_file():
        return None
    try:
        content = read_array(path).tobytes()
    except DamagedFileError:
        _logger.warning("%s: damaged, made anew", path)
        return None
    return _fingerprint(content[:_DIGEST_BYTES], np.frombuffer(content[_DIGEST_BYTES:], np.float32))


def _fingerprint(digest: bytes, waves: Float32[np.ndarray, " wave"]) -> Fingerprint:
    """Return the fingerprint of frequencies of length 1, or of zeros."""
    if not waves.any():
        return Fingerprint(digest, None, waves)
    bits = np.packbits(waves[: len(waves) // _PIECE_BITS * _PIECE_BITS] > 0)
    return Fingerprint(digest, bits.view(np.uint16), waves)


def _middle_waves(
    plane: UInt8[np.ndarray, "height width"] | UInt16[np.ndarray, "height width"],
) -> Float32[np.ndarray, " wave"]:
    """Return the middle frequencies of a plane's cosine transform, length 1, or zeros for a blank plane."""
    small = cv2.resize(plane, (_REDUCED_PX, _REDUCED_PX), interpolation=cv2.INTER_AREA)
    # The root lets the few brightest cells decide less, and changes less under gamma.
    waves = dctn(np.sqrt(small.astype(np.float32)), norm="ortho")[:_FREQUENCIES, :_FREQUENCIES]
    down, right = np.indices(waves.shape)
    middle = waves[down + right >= _SLOW_FREQUENCIES]
    length = np.linalg.norm(middle)
    return middle / length if length > _MIN_CONTRAST else np.zeros_like(middle)


def _near_pairs(prints: Sequence[Fingerprint]) -> list[tuple[int, int]]:
    """Return pairs that share a piece of their hashes and correlate."""
    pieces = np.stack([made.pieces for made in prints if made.pieces is not None])  # (image, piece)
    reduced = np.stack([made.reduced for made in prints])  # (image, value)
    first, second = _sharing_a_piece(pieces)
    confirmed = [np.empty(0, bool)]
    for start in range(0, len(first), _PAIRS_AT_ONCE):
        chosen = slice(start, start + _PAIRS_AT_ONCE)
        products = np.einsum("pv,pv->p", reduced[first[chosen]], reduced[second[chosen]])
        confirmed.append(products >= _ENOUGH_CORRELATION)
    keep = np.concatenate(confirmed)
    return list(zip(first[keep].tolist(), second[keep].tolist(), strict=True))


def _sharing_a_piece(
    pieces: UInt16[np.ndarray, "image piece"],
) -> tuple[Int64[np.ndarray, " pair"], Int64[np.ndarray, " pair"]]:
    """Return pairs of images with an equal piece at the same place, each once, the lower number first."""
    count = len(pieces)
    found = [np.empty(0, np.int64)]
    for place in range(pieces.shape[1]):
        value, next_value = pieces[:, place], pieces[:, (place + 1) % pieces.shape[1]]
        order = np.lexsort((next_value, value))  # equal values side by side, then by the piece that follows
        for step in range(1, min(_NEIGHBOURS, count - 1) + 1):
            left, right = order[:-step], order[step:]
            same = value[left] == value[right]
            low, high = np.minimum(left[same], right[same]), np.maximum(left[same], right[same])
            found.append(low * count + high)
    pairs = np.unique(np.concatenate(found))
    return pairs // count, pairs % count
