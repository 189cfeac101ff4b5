"""The OME-XML of TIFF files (Goldberg et al., Genome Biology 6:R47, 2005): which page is which plane, in which file.

Every file of a set carries the XML of the whole set, so that planes of other positions and channels are listed in it
too. A plane counts for a file only where the XML names this file, by its UUID or its name, or names none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from hpa.core.errors import InputError
from hpa.formats.pixel_size import SizeUm, size_um

PlaneIndex = tuple[int, int, int]
"""Time, slice, channel, from 0."""
_IsOwn = Callable[[ElementTree.Element | None], bool]


@dataclass(frozen=True)
class OmeImage:
    """One image of the XML, as far as it lies in one file.

    Attributes:
        name: Its name.
        sizes: Lengths of T, Z and C, where C counts pages: the samples of a colour page are one.
        samples: Samples of a page.
        channel_names: As the XML has them.
        pixel_um: Height and width of a pixel, µm; NaN where unknown.
        bits: `SignificantBits`, "" where missing.
        size_px: Height and width as the XML has them, 0 where missing.
        pages: Page of this file that holds a plane.
        elsewhere: Planes that other files hold, by file name.
    """

    name: str
    sizes: PlaneIndex
    samples: int
    channel_names: list[str]
    pixel_um: SizeUm
    bits: str
    size_px: tuple[int, int]
    pages: dict[PlaneIndex, int] = field(default_factory=dict)
    elsewhere: dict[PlaneIndex, str] = field(default_factory=dict)


def read_ome_images(path: Path, text: str, page_count: int) -> list[OmeImage]:
    """Return the images of which this file holds planes.

    Args:
        path: The file.
        text: Its OME-XML; where it only names a companion file, that is read.
        page_count: Pages of the file.

    Raises:
        InputError: If the XML cannot be read, or lists pages that the file lacks.
    """
    root = _parsed(path, text)
    own_uuid = root.get("UUID", "")
    companion = _child(root, "BinaryOnly")
    if companion is not None:
        beside = path.parent / Path(companion.get("MetadataFile", "")).name
        if not beside.is_file():
            raise InputError(f"{path}: its OME-XML is in {beside.name}, which is missing; copy it beside the file.")
        root = _parsed(beside, beside.read_text(encoding="utf-8"))
    is_own = _ownership(path, root, own_uuid)
    images = [_image(path, element, is_own, page_count) for element in _children(root, "Image")]
    return [image for image in images if image is not None and image.pages]


def _ownership(path: Path, root: ElementTree.Element, own_uuid: str) -> _IsOwn:
    """Return what decides whether the UUID element of a plane means this file."""
    files = [child for child in root.iter() if child.tag.rpartition("}")[2] == "UUID"]
    uuids = {(file.text or "").strip() for file in files} - {""}
    if len(uuids or {file.get("FileName", "") for file in files}) <= 1:  # a set of one file, whatever its name is now
        return lambda _: True
    if own_uuid in uuids:
        return lambda file: file is None or (file.text or "").strip() == own_uuid
    return lambda file: file is None or file.get("FileName", "") == path.name


def _image(path: Path, element: ElementTree.Element, is_own: _IsOwn, page_count: int) -> OmeImage | None:
    pixels = _child(element, "Pixels")
    if pixels is None:
        return None
    channels = list(_children(pixels, "Channel"))
    samples = max(1, _whole(channels[0].get("SamplesPerPixel"), 1)) if channels else 1
    sizes = {axis: _whole(pixels.get(f"Size{axis}"), 1) for axis in "TZC"}
    unit = pixels.get("PhysicalSizeXUnit", "µm")
    image = OmeImage(
        name=element.get("Name", ""),
        sizes=(sizes["T"], sizes["Z"], max(1, sizes["C"] // samples)),
        samples=samples,
        channel_names=[channel.get("Name", "") for channel in channels],
        pixel_um=size_um(
            pixels.get("PhysicalSizeY"), pixels.get("PhysicalSizeX"), unit, pixels.get("PhysicalSizeYUnit", unit)
        ),
        bits=pixels.get("SignificantBits", ""),
        size_px=(_whole(pixels.get("SizeY"), 0), _whole(pixels.get("SizeX"), 0)),
    )
    order = [axis for axis in pixels.get("DimensionOrder", "XYCZT") if axis in "TZC"]  # fastest first
    places = _Places(image.sizes, order)
    for data in _children(pixels, "TiffData"):
        _add_planes(path, image, places, data, is_own, page_count)
    there = len({channel for _, _, channel in image.pages})
    if image.pages and not image.elsewhere and there < image.sizes[2]:
        raise InputError(
            f"{path}: its OME-XML lists {image.sizes[2]} channels, the file has pages of {there}; export it again, or "
            "save it without OME-XML."
        )
    return image


@dataclass(frozen=True)
class _Places:
    """The order of the planes of an image in files."""

    sizes: PlaneIndex
    order: list[str]

    def from_first(self, data: ElementTree.Element) -> Iterator[PlaneIndex]:
        """Yield the planes from the first of a TiffData element on."""
        lengths = dict(zip("TZC", self.sizes, strict=True))
        first, step = 0, 1
        for axis in self.order:
            first += step * _whole(data.get(f"First{axis}"), 0)
            step *= lengths[axis]
        for number in range(first, step):
            rest, place = number, {}
            for axis in self.order:
                rest, place[axis] = divmod(rest, lengths[axis])
            yield place["T"], place["Z"], place["C"]


def _add_planes(
    path: Path, image: OmeImage, places: _Places, data: ElementTree.Element, is_own: _IsOwn, page_count: int
) -> None:
    """Take up the planes that a TiffData element lists."""
    page = _whole(data.get("IFD"), 0)
    file = _child(data, "UUID")
    # without a count, an element with a page lists this one, an element without lists all
    default = 1 if "IFD" in data.attrib else page_count
    count = _whole(data.get("PlaneCount", data.get("NumPlanes")), default)
    planes = [plane for plane, _ in zip(places.from_first(data), range(count), strict=False)]
    if is_own(file) and page + len(planes) > page_count:
        raise InputError(
            f"{path}: its OME-XML lists {page + len(planes)} pages, the file has {page_count}; it is cut short, export "
            "it again."
        )
    for offset, plane in enumerate(planes):
        if file is None or is_own(file):
            image.pages[plane] = page + offset
        else:
            image.elsewhere[plane] = file.get("FileName", "a file without a name")


def _parsed(path: Path, text: str) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(text.encode())  # expat bounds the expansion of entities
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise InputError(f"{path}: its OME-XML is damaged ({error}); export the file again.") from error


def _children(element: ElementTree.Element, tag: str) -> Iterator[ElementTree.Element]:
    return (child for child in element if child.tag.rpartition("}")[2] == tag)


def _child(element: ElementTree.Element, tag: str) -> ElementTree.Element | None:
    return next(_children(element, tag), None)


def _whole(text: str | None, default: int) -> int:
    return int(text) if text is not None and text.strip().isdecimal() and len(text) < 19 else default
