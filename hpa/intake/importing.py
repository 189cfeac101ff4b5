"""From the files of a microscope to images with named channels, known pixels and, where names tell, types.

What is written is the layout that `data=typed_images` reads; so are plain folders by `hpa segment`. Pixels are copied
as they are: no scaling, no change of depth. All that is wrong is named before anything is written.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from jaxtyping import UInt8, UInt16

from hpa.core.errors import DataError, InputError, Problem
from hpa.formats.calibrated_tiff import write_plane
from hpa.formats.image_files import PlaneInfo, difference_of
from hpa.formats.microscope_files import read_microscope_file
from hpa.intake.names import CHANNEL, CLASS, DEFAULT_PATTERN, WHOLE_PATTERN, NamePattern
from hpa.sources.typed_listing import SPLITS, TypedRow, write_typed_rows

_MIXED = "mixed"
"""What {class} reads, in any case, where cells of several types are meant: to be told apart, not to be learned."""
_NO_IMAGES = (".csv", ".htd", ".html", ".json", ".log", ".md", ".npy", ".pdf", ".py", ".txt", ".xdce", ".xml", ".yaml")
"""Suffixes of what lies beside images; other files that fit the pattern are images, or named as problems."""

Plane = UInt8[np.ndarray, "height width"] | UInt16[np.ndarray, "height width"]


@dataclass(frozen=True)
class FoundImage:
    """An image and the files that hold it.

    Attributes:
        image_id: Its name from now on.
        types: Type of its cells, "" where names do not tell, or tell of a mixture.
        group: What it was grown together with, "" where names do not tell.
        files: File of each colour; the colour is "" where one file holds all channels.
    """

    image_id: str
    types: str
    group: str
    files: dict[str, Path]


@dataclass
class FoundImages:
    """What a folder holds.

    Attributes:
        images: By name, in order.
        passed_over: Files that do not fit the pattern, or are of channels that were not asked for.
        problems: All that is wrong so far.
    """

    images: dict[str, FoundImage] = field(default_factory=dict)
    passed_over: int = 0
    problems: list[Problem] = field(default_factory=list)


def find_images(folder: Path, pattern: str | None, colours: Mapping[str, str]) -> FoundImages:
    """Find the images of a folder by the names of its files; nothing is opened.

    Args:
        folder: Where the files lie, in folders of any depth.
        pattern: As `NamePattern` reads it; None tries one file a channel, then one file an image.
        colours: Colour (as channels are called from now on) of each channel as the microscope calls it.

    Raises:
        InputError: If there is no such folder, or no file fits.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: a folder of images was expected, there is none; check the path.")
    if not colours or len(set(colours.values())) != len(colours):
        raise InputError("--channels: each channel becomes a colour of its own, e.g. w1=blue,w2=green.")
    paths = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file() and path.name[0] != ".")
    for text in [DEFAULT_PATTERN, WHOLE_PATTERN] if pattern is None else [pattern]:
        found = _sorted_out(folder, paths, NamePattern(text), colours)
        if found.images:
            return found
    raise InputError(
        f"{folder}: none of {len(paths)} files fits --pattern '{pattern or DEFAULT_PATTERN}' with channels "
        f"{', '.join(colours)}; the first is {paths[0].as_posix() if paths else 'missing'}."
    )


def import_images(
    found: FoundImages,
    out: Path,
    colours: Mapping[str, str],
    pixel_um: float | None,
    on_progress: Callable[[], object],
) -> list[TypedRow]:
    """Write the images of a folder to another one, each file checked before the first is written.

    Args:
        found: The images.
        out: New or empty folder.
        colours: As for `find_images`.
        pixel_um: Side of a pixel, µm; None takes what the files tell.
        on_progress: Is called after each image is read, and after each is written.

    Raises:
        InputError: If `out` holds something, or the disk is full.
        DataError: Naming everything that is wrong.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: a new or empty folder is needed, it holds something; name another.")
    problems = list(found.problems)
    sizes_um = {}
    for image in found.images.values():
        try:
            sizes_um[image.image_id] = _read(image, colours, pixel_um)[1]
        except InputError as error:
            problems.append(Problem(image.image_id, str(error)))
        on_progress()
    if problems:
        raise DataError("nothing was imported", problems)
    for image in found.images.values():
        planes, _ = _read(image, colours, pixel_um)
        for colour, plane in planes.items():
            write_plane(out / "images" / f"{image.image_id}_{colour}.tif", plane, sizes_um[image.image_id])
        on_progress()
    rows = [
        TypedRow(image.image_id, image.types, SPLITS[not image.types], image.group, sizes_um[image.image_id])
        for image in found.images.values()
    ]
    write_typed_rows(out / "index.csv", rows)
    return rows


def _sorted_out(folder: Path, paths: list[Path], pattern: NamePattern, colours: Mapping[str, str]) -> FoundImages:
    found = FoundImages()
    for path in paths:
        parts = None if path.suffix.lower() in _NO_IMAGES else pattern.parts_of(path)
        colour = colours.get(parts.get(CHANNEL, "")) if parts is not None and pattern.has_channel else ""
        if parts is None or colour is None:
            found.passed_over += 1
            continue
        _add(found, pattern, parts, colour, folder / path)
    for image in found.images.values():
        missing = [f"{name} ({colour})" for name, colour in colours.items() if colour not in image.files]
        if pattern.has_channel and missing:
            told = ", ".join(path.name for path in image.files.values())
            reason = f"only {told} is there, no file of channel {', '.join(missing)}; add it, or leave out the channel"
            found.problems.append(Problem(image.image_id, reason))
    return found


def _add(found: FoundImages, pattern: NamePattern, parts: dict[str, str], colour: str, path: Path) -> None:
    image_id = pattern.image_id(parts)
    told = parts.get(CLASS, "")
    new = FoundImage(image_id, "" if told.lower() == _MIXED else told, pattern.group(parts), {})
    image = found.images.setdefault(image_id, new)
    if colour in image.files:
        both = f"{image.files[colour].name} and {path.name} are the same image and channel by --pattern"
        found.problems.append(Problem(image_id, f"{both}; tell them apart by another {{word}}, or remove one"))
    else:
        found.images[image_id] = replace(image, files={**image.files, colour: path})


def _read(image: FoundImage, colours: Mapping[str, str], pixel_um: float | None) -> tuple[dict[str, Plane], float]:
    """Return the planes of an image by colour, and the side of its pixels: `pixel_um`, else as told, else NaN.

    Raises:
        InputError: If a file cannot be read, or the channels do not fit together.
    """
    planes: dict[str, Plane] = {}
    told_um: set[float] = set()
    for colour, path in image.files.items():
        file = read_microscope_file(path)
        told_um |= set() if math.isnan(file.pixel_um) else {round(file.pixel_um, 6)}
        if colour:
            if len(file.planes) != 1:
                raise InputError(
                    f"{path}: one grey plane a file is expected, it holds {len(file.planes)}: "
                    f"{', '.join(file.names)}; for files of all channels write a --pattern without {{channel}}."
                )
            planes[colour] = file.planes[0]
        else:
            planes |= _picked(path, file.planes, file.names, colours)
    difference = difference_of(
        {name: PlaneInfo(plane.shape[0], plane.shape[1], 8 * plane.itemsize) for name, plane in planes.items()}
    )
    if difference:
        raise InputError(difference)
    if pixel_um is not None:
        return planes, pixel_um
    if len(told_um) > 1:
        raise InputError(f"its files tell pixels of {sorted(told_um)} µm; give --pixel-um.")
    return planes, next(iter(told_um), math.nan)


def _picked(
    path: Path,
    pixels: UInt8[np.ndarray, "channel height width"] | UInt16[np.ndarray, "channel height width"],
    names: tuple[str, ...],
    colours: Mapping[str, str],
) -> dict[str, Plane]:
    """Return the planes that are asked for, by name or by number from 1."""
    numbers = [str(number) for number in range(1, len(pixels) + 1)]
    missing = [name for name in colours if name not in names and name not in numbers]
    if missing:
        raise InputError(
            f"{path}: has no channel {', '.join(missing)}; it holds {len(pixels)}: {', '.join(names)} "
            "(write these names, or numbers from 1, in --channels)."
        )
    places = {name: names.index(name) if name in names else numbers.index(name) for name in colours}
    return {colours[name]: pixels[place] for name, place in places.items()}
