"""TIFF files of every kind that tifffile reads: OME, ImageJ, MetaMorph, LSM, Micro-Manager, plain.

What an axis or a sample means is decided by the file's own words: axes of its metadata, planar configuration,
photometric tag, extra samples; never by the shape of an array. Planes of an OME-TIFF set are those that its XML puts
into this very file.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from jaxtyping import Shaped
from PIL import Image

from hpa.core.errors import InputError
from hpa.formats.image_header import (
    GREY,
    MAX_CHANNELS,
    RGB,
    ImageHeader,
    Scene,
    check_size,
    declared_bits,
    numbered,
)
from hpa.formats.ome_xml import OmeImage, read_ome_images
from hpa.formats.pixel_size import UNKNOWN, size_of_page
from hpa.formats.tiff_colour import PageColour, PagePart, colour_of, planes_of_page
from hpa.formats.tiff_directories import copy_notes, require_end
from hpa.formats.tiff_inner_size import SIZED, require_inner_size
from hpa.formats.tiff_series import read_series

STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
SUFFIXES = (".tif", ".tiff", ".btf", ".stk", ".lsm")
_RGB_NAMES = ["red", "green", "blue"]
_CHANNEL_AXES, _PAGE_AXES = "CSE", "IQ"
_SLIDE_KINDS = ("svs", "ndpi", "scn", "qpi", "bif", "philips", "avs")
"""Slide scanners: the first series is the slide, others are its thumbnail, label and map."""
BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    EOFError,
    LookupError,
    ImportError,  # a compression that neither tifffile nor Python decodes
    RuntimeError,  # of imagecodecs, which tifffile decodes by where it is installed
    MemoryError,
    ZeroDivisionError,
    struct.error,
    zlib.error,
    tifffile.TiffFileError,
    Image.DecompressionBombError,
)
"""What tifffile, Pillow and the decoders below them raise at damaged files."""

_BEGINS_OME = re.compile(r"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(\w+:)?OME\b", re.DOTALL)

Planes = Shaped[np.ndarray, "slice channel height width"]


@dataclass(frozen=True)
class Readable:
    """A scene, what reads its planes at a time and some slices, and the pages that these are."""

    scene: Scene
    read: Callable[[int, range, PagePart], Planes]
    pages: Sequence[Any]


def inspect_tiff(path: Path) -> ImageHeader:
    """Return what the tags of a file say, having seen that its data lie inside it; no pixel is decoded.

    Raises:
        InputError: If the file is damaged, or needs a decoder that is not installed.
    """
    with opened(path) as tiff:
        scenes, notes = readables(path, tiff)
        return ImageHeader(path, _format_of(tiff), tuple(readable.scene for readable in scenes), notes)


def read_tiff(path: Path, scene: int, time: int, slices: range) -> Planes:
    """Return planes of a scene: colours as red, green and blue, alpha left out, white as high levels.

    Raises:
        InputError: As `inspect_tiff`, and if the pixels cannot be decoded.
    """
    with opened(path) as tiff:
        return readables(path, tiff)[0][scene].read(time, slices, None)


def damaged(path: Path, reason: str) -> InputError:
    """Return the error of a file that a decoder (one of `BROKEN`) gave up on, with the remedy."""
    if "imagecodecs" in reason or "compression" in reason:
        return InputError(
            f"{path}: its compression needs the package imagecodecs; install it (pip install 'hpa-cells[codecs]'), "
            "or save the file with deflate or without compression."
        )
    return InputError(f"{path}: the file is damaged or cut short ({reason}); copy or export it again.")


@contextmanager
def opened(path: Path) -> Iterator[tifffile.TiffFile]:
    """Give a file that is open; what goes wrong with it meanwhile becomes an `InputError`."""
    try:
        with path.open("rb") as file:
            require_end(path, file)
        with tifffile.TiffFile(path, _multifile=False) as tiff:
            yield tiff
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"{path}: the file is missing; check the path.") from error
    except BROKEN as error:
        raise damaged(path, str(error)) from error


def readables(path: Path, tiff: tifffile.TiffFile) -> tuple[list[Readable], tuple[str, ...]]:
    """Return the scenes of a file, and what else it holds."""
    text = None if tiff.is_shaped else _ome_text(tiff)
    if text:
        images = read_ome_images(path, text, len(tiff.pages))
        if not images:
            raise InputError(f"{path}: its OME-XML lists no page of this file; was it renamed? Export it again.")
        further = len(tiff.pages) - len({page for image in images for page in image.pages.values()})
        notes_of_xml = (f"{further} of {len(tiff.pages)} pages are not in its OME-XML: left out",) if further else ()
        return [_ome_readable(path, tiff, image) for image in images], notes_of_xml
    kept: list[Readable] = []
    notes: list[str] = []
    is_slide = any(getattr(tiff, f"is_{kind}", False) for kind in _SLIDE_KINDS)
    for series in tiff.series:
        if kept and (is_slide or getattr(series.keyframe, "is_reduced", False)):
            notes.append(f"{series.name or 'a reduced image'} ({series.shape[-1]} px wide) left out")
        else:
            kept.append(_series_readable(path, tiff, series))
            notes += copy_notes(series)
    if not kept:
        raise damaged(path, "no image was found")
    orientation = tiff.pages.first.tags.valueof("Orientation", 1)
    notes += [f"orientation {orientation} of its header is not applied"] if orientation != 1 else []
    return kept, tuple(notes)


def _ome_text(tiff: tifffile.TiffFile) -> str | None:
    """Return the OME-XML of a file, also one that is cut short, which tifffile takes for a remark of no meaning."""
    if tiff.is_ome:
        return tiff.ome_metadata
    description = tiff.pages.first.description if tiff.pages else ""
    return description.strip() if _BEGINS_OME.match(description) else None


def _check_levels(path: Path, page: tifffile.TiffPage) -> None:
    """Refuse a pyramid whose full size is not its first: tifffile would read the first."""
    levels = [level.aspage() for level in (page.pages or () if page.subifds else ())]
    sizes = [(level.imagelength, level.imagewidth) for level in levels]
    larger = [size for size in sizes if size[0] * size[1] > page.imagelength * page.imagewidth]
    if larger:
        raise InputError(
            f"{path}: its first level ({page.imagewidth}×{page.imagelength} px) is smaller than another one "
            f"({larger[0][1]}×{larger[0][0]} px); a pyramid begins with its full size: export it again."
        )


def _page_scene(path: Path, tiff: tifffile.TiffFile, page: tifffile.TiffPage) -> tuple[Scene, PageColour]:
    """Return a scene of one page, its data checked to be inside the file and its decoder to be there."""
    colour = colour_of(tiff, page)
    _check_levels(path, page)
    tifffile.TIFF.DECOMPRESSORS[page.compression]  # raises now where the decoder is missing, not in training
    check_size(path, page.tilewidth * page.tilelength if page.is_tiled else 0)
    names = _RGB_NAMES if colour.kind == RGB else []
    if page.dtype is None:
        raise damaged(path, "its sample format is unknown")
    dtype_bits = 8 * page.dtype.itemsize
    bits = page.bitspersample if page.bitspersample < dtype_bits else _declared(page)
    is_narrow = colour.kind == GREY and 1 < page.bitspersample < 8
    scene = Scene(
        height=page.imagelength,
        width=page.imagewidth,
        channel_names=numbered(names, colour.samples),
        dtype=f"{page.bitspersample} bit" if is_narrow else str(page.dtype.name),
        bits=declared_bits(bits, dtype_bits),
        pixel_um=size_of_page(tiff, page),
        colour=colour.kind,
        notes=colour.notes,
    )
    return scene, colour


def _declared(page: tifffile.TiffPage) -> object:
    """Return the bits that levels use as the tags of a page have it, None where they do not."""
    micromanager = page.tags.valueof(51123)
    if isinstance(micromanager, dict) and "BitDepth" in micromanager:
        return micromanager["BitDepth"]
    largest = page.tags.valueof("MaxSampleValue")
    if isinstance(largest, int) and largest & (largest + 1) == 0:  # 2^n - 1: a depth, not the levels of this image
        return largest.bit_length()
    return None


def _check_data(path: Path, size: int, pages: Sequence[Any]) -> None:
    for page in pages:
        ends = [start + count for start, count in zip(page.dataoffsets, page.databytecounts, strict=True)]
        if max(ends, default=0) > size:
            raise damaged(path, "its end is missing")
        if int(page.compression) in SIZED:
            require_inner_size(path, page)


def _ome_readable(path: Path, tiff: tifffile.TiffFile, image: OmeImage) -> Readable:
    times, slices, _ = image.sizes
    own = sorted({channel for _, _, channel in image.pages})
    first = tiff.pages[min(image.pages.values())]
    page = first if isinstance(first, tifffile.TiffPage) else tiff.pages.first
    _check_data(path, tiff.filehandle.size, [tiff.pages[number] for number in image.pages.values()])
    scene, colour = _page_scene(path, tiff, page)
    named = [image.channel_names[channel] for channel in own if channel < len(image.channel_names)]
    all_names = numbered(named, len(own)) if colour.samples == 1 else scene.channel_names
    if colour.samples > 1 and len(own) > 1:
        all_names = numbered([], len(own) * colour.samples)
    declared = scene.bits if not image.bits else declared_bits(image.bits, scene.info.bits)
    height, width = image.size_px
    is_resized = all(image.size_px) and image.size_px != (scene.height, scene.width)
    resized = f"its OME-XML is of {width}×{height} px, so its pixel size is not taken"
    scene = replace(
        scene,
        name=image.name,
        channel_names=all_names,
        pixel_um=UNKNOWN if is_resized else image.pixel_um,
        notes=(*scene.notes, resized) if is_resized else scene.notes,
        bits=declared,
        slices=slices,
        times=times,
        set_files=tuple(sorted({path.name, *image.elsewhere.values()})) if image.elsewhere else (),
    )

    def read(time: int, chosen: range, part: PagePart) -> Planes:
        places = [[(time, index, channel) for channel in own] for index in chosen]
        missing = [place for row in places for place in row if place not in image.pages]
        if missing:
            raise InputError(f"{path}: lacks a plane that its OME-XML lists (time, slice, channel {missing[0]}).")
        check_size(path, len(chosen) * len(all_names) * (part[0].area if part else scene.height * scene.width))
        pages = [[tiff.pages[image.pages[place]] for place in row] for row in places]
        return np.stack(
            [np.concatenate([planes_of_page(page, colour, scene.bits, part) for page in row]) for row in pages]
        )

    return Readable(scene, read, [tiff.pages[number] for number in image.pages.values()])


def _series_readable(path: Path, tiff: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> Readable:
    page = series.keyframe
    _check_data(path, tiff.filehandle.size, [one for one in series.pages if one is not None])
    scene, colour = _page_scene(path, tiff, page)
    lengths = dict(zip(series.axes, series.shape, strict=True))
    pages = int(np.prod([length for axis, length in lengths.items() if axis in _PAGE_AXES]))
    channels = pages * lengths.get("C", 1) * lengths.get("E", 1)
    other = {axis: length for axis, length in lengths.items() if axis not in "TZYX" + _CHANNEL_AXES + _PAGE_AXES}
    if pages > MAX_CHANNELS:  # plain pages are channels: a program that means slices says so
        other["pages of unknown meaning"] = pages
    names = scene.channel_names if channels == 1 else numbered([], channels * colour.samples)
    scene = replace(
        scene,
        name=str(series.name or ""),
        channel_names=names,
        slices=lengths.get("Z", 1),
        times=lengths.get("T", 1),
        other_axes={axis: length for axis, length in other.items() if length > 1},
    )
    return Readable(
        scene,
        lambda time, slices, part: read_series(path, series, colour, scene.bits, time, slices, part),
        [one for one in series.pages if one is not None],
    )


def _format_of(tiff: tifffile.TiffFile) -> str:
    kinds = {"ome": "OME-TIFF", "imagej": "ImageJ TIFF", "lsm": "LSM", "stk": "MetaMorph STK"}
    kinds |= {"micromanager": "Micro-Manager TIFF", "svs": "SVS"}
    return next((name for kind, name in kinds.items() if getattr(tiff, f"is_{kind}", False)), "TIFF")
