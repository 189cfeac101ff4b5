"""What microscopes write beside their images: names of channels, and the size of pixels.

Harmony (Opera, Operetta) writes `Index.idx.xml`, MetaXpress (ImageXpress) `<plate>.HTD`, CellVoyager
`MeasurementDetail.mrf`, Micro-Manager `metadata.txt` and `display_and_comments.txt`. These files may be as large as a
plate: only their first part is read, and nothing that they name is opened. One that is damaged is warned of and counts
as not there.
"""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar
from xml.etree import ElementTree

from hpa.core.errors import InputError
from hpa.core.file_names import require_data
from hpa.formats.layouts import same_channel
from hpa.formats.pixel_size import UNKNOWN, SizeUm, side_of, size_um

_DAMAGED = (OSError, ArithmeticError, SyntaxError, ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""What reading a file of any content raises."""
_logger = logging.getLogger(__name__)
_Value = TypeVar("_Value")
_CHUNK_BYTES, _MAX_BYTES = 1 << 16, 1 << 24
_MAX_ELEMENTS = 100_000
_MAX_IMAGES = 2000
"""Images of an index that are looked at where it has no list of channels: more than one field has."""
_INNER_FOLDER = re.compile(r"(?:TimePoint|ZStep)_\d+|(?:\d+-)?Pos.*", re.IGNORECASE)
"""Folders of images whose description lies above them."""
_WAVE_NAME = re.compile(r'^"WaveName(\d+)",\s*"?([^"\r\n]*)', re.MULTILINE)


@dataclass(frozen=True)
class MakerMetadata:
    """What a file says of the images beside it.

    Attributes:
        path: The file.
        layouts: Names of files that its channels are those of, as `hpa.formats.layouts` has them.
        channel_names: Name of each channel by its number, as names of files have it.
        pixel_um: Height and width of a pixel, µm; NaN where unknown.
        width_px: Columns of the images; 0 where unknown.
    """

    path: Path
    layouts: tuple[str, ...]
    channel_names: Mapping[str, str] = field(default_factory=dict)
    pixel_um: SizeUm = UNKNOWN
    width_px: int = 0

    def __str__(self) -> str:
        """Read as `Index.idx.xml: channel 1 is HOECHST 33342; pixels of 0.598 µm`."""
        parts = [", ".join(f"channel {number} is {name}" for number, name in self.channel_names.items())]
        side = side_of(self.pixel_um)
        wide = f" where images are {self.width_px} px wide" if self.width_px else ""
        parts.append("" if math.isnan(side) else f"pixels of {side:.4g} µm{wide}")
        return f"{self.path.name}: {'; '.join(filter(None, parts)) or 'no channels and no size of pixels'}"

    def name_of(self, channel: str) -> str:
        """Return the name of a channel that files call by its number, its own where none is known."""
        return next((name for number, name in self.channel_names.items() if same_channel(number, channel)), channel)


def read_metadata(path: Path) -> MakerMetadata | None:
    """Return what a file says of the images beside it, None where it is no such file.

    Raises:
        InputError: If it is damaged.
    """
    read = next((read for names, read in _READERS.items() if re.fullmatch(names, path.name, re.IGNORECASE)), None)
    if read is None:
        return None
    require_data(path)
    try:
        return read(path)
    except _DAMAGED as error:
        raise InputError(f"{path}: is damaged ({error}); copy it again.") from error


def metadata_beside(path: Path) -> MakerMetadata | None:
    """Return what lies beside an image, or above its folder where that is one of times, slices or positions."""
    folder = path.parent
    for _ in range(3):
        try:
            changed_ns = folder.stat().st_mtime_ns or 0  # none in an object store
            found = _in_folder(folder, changed_ns)
        except OSError:
            return None
        if found is not None or not _INNER_FOLDER.fullmatch(folder.name):
            return found
        folder = folder.parent
    return None


def metadata_of(paths: Iterable[Path]) -> list[MakerMetadata]:
    """Return what lies beside images, each once."""
    folders = dict.fromkeys(path.parent for path in paths)
    found = [metadata_beside(folder / "image") for folder in folders]
    return list({one.path: one for one in found if one is not None}.values())


def names_by_maker(layout: str, channels: Sequence[str], metadata: Iterable[MakerMetadata]) -> dict[str, str]:
    """Return the name of each channel of files named as of a layout; nothing where metadata differ or have none.

    Args:
        layout: As `hpa.formats.layouts` has it.
        channels: As the files call them.
        metadata: What lies beside the files.
    """
    found = [{channel: one.name_of(channel) for channel in channels} for one in metadata if layout in one.layouts]
    is_usable = bool(found) and all(names == found[0] for names in found) and len({*found[0].values()}) == len(channels)
    return {own: name for own, name in found[0].items() if name != own} if is_usable else {}


@lru_cache(maxsize=1024)
def _in_folder(folder: Path, _changed_ns: int) -> MakerMetadata | None:
    """Return what the first such file of a folder says that says anything."""
    found_here: list[MakerMetadata] = []
    # most of a hundred thousand files are images: they are neither sorted nor opened
    for path in sorted(path for path in folder.iterdir() if _ANY.fullmatch(path.name)):
        try:
            found = read_metadata(path)
        except InputError as error:
            _logger.warning("%s What it says of the images beside it is not used.", error)
            continue
        if found is not None and (found.channel_names or not math.isnan(side_of(found.pixel_um))):
            found_here.append(found)
    return _together(found_here)


def _together(found: Sequence[MakerMetadata]) -> MakerMetadata | None:
    """Return what the files of a folder say, without that in which they differ, as those of two plates do."""
    if not found:
        return None
    names = {tuple(sorted(one.channel_names.items())) for one in found if one.channel_names}
    sizes = {one.pixel_um for one in found if not math.isnan(side_of(one.pixel_um))}
    widths = {one.width_px for one in found if one.width_px}
    if len(names) > 1 or len(sizes) > 1:
        _logger.warning(
            "%s: %s contradict each other; what they say is not used. Keep each with its own images in a folder.",
            found[0].path.parent,
            ", ".join(one.path.name for one in found),
        )
    shared = _one(names, ())
    channel_names = dict(shared)
    pixel_um, width_px = _one(sizes, UNKNOWN), _one(widths, 0)
    if not channel_names and math.isnan(side_of(pixel_um)):
        return None
    return replace(found[0], channel_names=channel_names, pixel_um=pixel_um, width_px=width_px)


def _harmony(path: Path) -> MakerMetadata:
    names: dict[str, str] = {}
    sizes: set[SizeUm] = set()
    widths: set[int] = set()
    images = 0
    for tag, element in _elements(path):
        if tag not in ("Entry", "Image"):
            continue
        entries = {child.tag.rpartition("}")[2]: child for child in element}
        images += tag == "Image"
        if tag == "Image" and (images > _MAX_IMAGES or (names and images == 1)):
            break
        number, name = element.get("ChannelID") or _text(entries, "ChannelID"), _text(entries, "ChannelName")
        if number and name:
            names.setdefault(number, name)
        if "ImageResolutionX" in entries:
            unit = entries["ImageResolutionX"].get("Unit", "m")
            sizes.add(size_um(_text(entries, "ImageResolutionY"), _text(entries, "ImageResolutionX"), unit))
        if width := _text(entries, "ImageSizeX"):
            widths.add(int(width))
        element.clear()
    return MakerMetadata(path, ("opera", "operetta"), names, _one(sizes, UNKNOWN), _one(widths, 0))


def _cell_voyager(path: Path) -> MakerMetadata:
    sizes: set[SizeUm] = set()
    widths: set[int] = set()
    for tag, element in _elements(path):
        if tag == "MeasurementChannel":
            entries = {key.rpartition("}")[2]: value for key, value in element.attrib.items()}
            sizes.add(size_um(entries.get("VerticalPixelDimension"), entries.get("HorizontalPixelDimension"), "um"))
            widths.add(int(entries.get("HorizontalPixels", 0)))
    return MakerMetadata(path, ("cellvoyager",), {}, _one(sizes, UNKNOWN), _one(widths, 0))


def _meta_xpress(path: Path) -> MakerMetadata:
    names = {number: name.strip() for number, name in _WAVE_NAME.findall(_start_of(path)) if name.strip()}
    return MakerMetadata(path, ("imagexpress",), names)


def _micro_manager(path: Path) -> MakerMetadata | None:
    text = _start_of(path)
    if '"Summary"' not in text:  # others call their notes so too
        return None
    summary = _object_after(text, "Summary")
    names = {str(place): str(name) for place, name in enumerate(summary.get("ChNames") or ())}
    of_frame = re.search(r'"PixelSizeUm"\s*:\s*"?([\d.eE+-]+)', text)
    side = summary.get("PixelSize_um") or (of_frame[1] if of_frame else None)
    width = int(summary.get("Width") or 0)
    return MakerMetadata(path, ("micromanager",), names, size_um(side, side, "um"), width)


def _display_settings(path: Path) -> MakerMetadata:
    channels = json.loads(_start_of(path)).get("Channels") or ()
    return MakerMetadata(
        path, ("micromanager",), {str(place): str(channel["Name"]) for place, channel in enumerate(channels)}
    )


_READERS: dict[str, Callable[[Path], MakerMetadata | None]] = {
    r"Index(?:\.idx)?\.xml": _harmony,
    r"MeasurementDetail\.mrf": _cell_voyager,
    r".+\.HTD": _meta_xpress,
    r"(?:.+_)?metadata\.txt": _micro_manager,
    r"display_and_comments\.txt": _display_settings,
}
"""Reader of each file, by an expression of its name."""
_ANY = re.compile("|".join(f"(?:{names})" for names in _READERS), re.IGNORECASE)


def _elements(path: Path) -> Iterator[tuple[str, ElementTree.Element]]:
    """Yield the first elements of an XML file as they end: each takes a hundred times its bytes in the file."""
    return islice(_all_elements(path), _MAX_ELEMENTS)


def _all_elements(path: Path) -> Iterator[tuple[str, ElementTree.Element]]:
    """Yield the elements of an XML file as they end, with their names; of a large file its first part."""
    parser: Any = ElementTree.XMLPullParser(("end",))  # opens no external entity; expat bounds the expansion of others
    with path.open("rb") as file:
        while (chunk := file.read(_CHUNK_BYTES)) and file.tell() <= _MAX_BYTES:
            if b"<!ENTITY" in chunk:
                raise ValueError("it declares entities, which no microscope does")
            parser.feed(chunk)
            for _, element in parser.read_events():
                yield element.tag.rpartition("}")[2], element
        if not chunk:
            parser.close()  # raises where the end is missing


def _start_of(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_MAX_BYTES // 4).decode("utf-8-sig", errors="replace")


def _object_after(text: str, key: str) -> dict[str, Any]:
    """Return the JSON object of a key, which need not be the whole text: acquisitions end early."""
    start = re.search(rf'"{key}"\s*:\s*(?=\{{)', text)
    if start is None:
        raise ValueError(f'there is no "{key}"')
    found: dict[str, Any] = json.JSONDecoder().raw_decode(text, start.end())[0]
    return found


def _text(entries: Mapping[str, ElementTree.Element], name: str) -> str:
    return (entries[name].text or "").strip() if name in entries else ""


def _one(values: set[_Value], default: _Value) -> _Value:
    """Return the value that all have, a default where they differ."""
    return next(iter(values)) if len(values) == 1 else default
