"""Single-cell crops whose classes are known, all of them read and checked before anything is composed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from hpa.core.digest import digest_of_bytes
from hpa.core.errors import DataError, InputError, Problem
from hpa.simulation.composed.class_numbers import ClassNumbers
from hpa.simulation.composed.crop_file import read_crop
from hpa.simulation.composed.crop_listing import CropListing

_THREADS = 2


@dataclass(frozen=True)
class CellCrop:
    """One crop.

    Attributes:
        path: Its file.
        mask_path: File of its mask, None where there is none.
        classes: Numbers of its classes.
        specimen: What it was cut from; cells of one specimen are never in both splits.
        shape: Channels, height and width, px; zeros before it is read.
        bits: 8 or 16; 0 alike.
        is_grey: Whether all channels are equal, as of a grey crop that was saved in colour.
    """

    path: Path
    mask_path: Path | None
    classes: tuple[int, ...]
    specimen: str
    shape: tuple[int, int, int] = (0, 0, 0)
    bits: int = 0
    is_grey: bool = False


@dataclass(frozen=True)
class CellLibrary:
    """Crops of the same channels and depth, at least two classes of them."""

    crops: tuple[CellCrop, ...]
    numbers: ClassNumbers

    @property
    def channel_count(self) -> int:
        """Count the channels of a crop."""
        return self.crops[0].shape[0]

    @property
    def side_px(self) -> int:
        """Return the longest side of any crop."""
        return max(max(crop.shape[1:]) for crop in self.crops)


def read_library(listing: CropListing) -> CellLibrary:
    """Read every crop once and check that they fit together; of grey ones saved in colour, one channel counts.

    Raises:
        InputError: If there are fewer than two classes.
        DataError: Naming every crop that cannot be used.
    """
    numbers = ClassNumbers.of(name for one in listing.crops for name in one.class_names)
    if len(numbers.number_of) < 2:
        found = ", ".join(numbers.number_of) or "none"
        raise InputError(
            f"{listing.where}: cells of two classes or more are expected, found: {found}. Write one folder a class, or "
            "a table crop,class."
        )
    crops = [
        CellCrop(
            one.path, one.mask_path, tuple(sorted(map(numbers.number_of.__getitem__, one.class_names))), one.specimen
        )
        for one in listing.crops
    ]
    with ThreadPoolExecutor(_THREADS) as pool:
        read = list(pool.map(_read, crops))
    problems = [result for result, _ in read if isinstance(result, Problem)]
    usable = [(result, digest) for result, digest in read if isinstance(result, CellCrop)]
    if all(crop.is_grey for crop, _ in usable):
        usable = [(replace(crop, shape=(1, *crop.shape[1:])), digest) for crop, digest in usable]
    problems += [*_odd_ones(crop for crop, _ in usable), *_contradictions(usable)]
    if problems:
        raise DataError(listing.where, problems)
    return CellLibrary(tuple(_with_merged_specimens(usable)), numbers)


def _read(crop: CellCrop) -> tuple[CellCrop | Problem, str]:
    """Return the crop with its size and the digest of its pixels, or what is wrong with it."""
    try:
        pixels = read_crop(crop.path, crop.mask_path)
    except InputError as error:
        return Problem(str(crop.path), str(error).removeprefix(f"{crop.path}: ")), ""
    planes = pixels.planes
    channels, height, width = planes.shape
    is_grey = bool((planes == planes[:1]).all())
    read = replace(crop, shape=(channels, height, width), bits=8 * planes.dtype.itemsize, is_grey=is_grey)
    return read, digest_of_bytes((planes[:1] if is_grey else planes).tobytes())


def _odd_ones(crops: Iterable[CellCrop]) -> Iterator[Problem]:
    """Name the crops whose channels or depth differ from those of most."""
    kinds = [(crop, (crop.shape[0], crop.bits)) for crop in crops]
    if not kinds:
        return
    (channels, bits), count = Counter(kind for _, kind in kinds).most_common(1)[0]
    for crop, kind in kinds:
        if kind != (channels, bits):
            reason = f"{kind[0]} channels of {kind[1]} bit, {count} other crops have {channels} of {bits} bit"
            yield Problem(str(crop.path), f"{reason}; give crops of one kind")


def _contradictions(crops: Iterable[tuple[CellCrop, str]]) -> Iterator[Problem]:
    """Name crops with the pixels of an earlier one and other classes."""
    first: dict[str, CellCrop] = {}
    for crop, digest in crops:
        other = first.setdefault(digest, crop)
        if other.classes != crop.classes:
            yield Problem(str(crop.path), f"has the pixels of {other.path} and another class; keep one of them")


def _with_merged_specimens(crops: Sequence[tuple[CellCrop, str]]) -> Iterator[CellCrop]:
    """Give copies of one crop the same specimen, so that none is in both splits."""
    parent: dict[str, str] = {}

    def root_of(name: str) -> str:
        while parent.get(name, name) != name:
            name = parent[name]
        return name

    first: dict[str, str] = {}
    for crop, digest in crops:
        one, other = root_of(first.setdefault(digest, crop.specimen)), root_of(crop.specimen)
        parent[max(one, other)] = min(one, other)
    for crop, _ in crops:
        yield replace(crop, specimen=root_of(crop.specimen))
