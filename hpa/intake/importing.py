"""From the files of a microscope to images with named channels, known pixels and, where names hold them, types.

What is written is the layout that `data=typed_images` reads; so are plain folders by `hpa segment`. Pixels keep their
depth; levels of cameras of 10 to 14 bit are stretched over all 16, where a header or --bits says so. All that is wrong
is named before anything is written.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8, UInt16

from hpa.core.errors import DataError, InputError, Problem
from hpa.core.file_lock import held
from hpa.core.levels import unused_bits
from hpa.core.outputs import check_outputs
from hpa.core.whole_file import remove_orphans, whole_file, whole_folder
from hpa.formats.calibrated_tiff import write_plane
from hpa.formats.channel_groups import read_channel
from hpa.formats.image_header import PlaneInfo, StackChoice
from hpa.formats.images import AS_IS, StoredImage, difference_of, inspect_image, read_image
from hpa.formats.pixel_size import not_square
from hpa.intake.finding import FoundImage, FoundImages
from hpa.sources.typed_listing import SPLITS, TypedRow, write_typed_rows

RECORD_FILE = "import.json"
"""What was imported and how, beside index.csv."""

Plane = UInt8[np.ndarray, "height width"] | UInt16[np.ndarray, "height width"]


@dataclass(frozen=True)
class ImportSettings:
    """How files become images.

    Attributes:
        colours: Colour of each channel as the microscope calls it.
        pixel_um: Side of a pixel, µm; None takes that of the files.
        choice: What is taken of stacks and of files of several scenes.
        words: The command line's further words, kept in the record.
    """

    colours: Mapping[str, str]
    pixel_um: float | None
    choice: StackChoice = AS_IS
    words: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class _ReadImage:
    """The planes of an image by colour, and what is worth knowing of them."""

    planes: dict[str, Plane]
    pixel_um: float
    notes: list[str]


def import_images(
    found: FoundImages,
    out: Path,
    settings: ImportSettings,
    on_progress: Callable[[], object],
    overwrite: bool = False,
) -> tuple[list[TypedRow], list[Problem]]:
    """Write the images of a folder to another one, each file checked before the first is written.

    Args:
        found: The images; where every scene is wanted, they become those of all scenes.
        out: New or empty folder; it appears with all that was imported, or not at all.
        settings: How files become images.
        on_progress: Is called after each image is read, and after each is written.
        overwrite: Whether `out` may hold something, and files in it may be written over; never the files that are read.

    Returns:
        The rows of index.csv, and what was assumed or left out, by image.

    Raises:
        InputError: If `out` holds something, or the disk is full.
        DataError: Naming everything that is wrong.
    """
    if out.exists() and not overwrite and (not out.is_dir() or any(out.iterdir())):
        raise InputError(
            f"{out}: a new or empty folder is needed, it holds something; name another, or write over its files with "
            "--overwrite."
        )
    sizes_um, notes = _check_all(found, settings, on_progress)
    if overwrite:
        return _write(found, out, out, settings, sizes_um, on_progress), notes
    with held(out.resolve().with_name(f".{out.resolve().name}.lock"), "imports to it", "wait until it ends."):
        remove_orphans(out.resolve())
        with whole_folder(out) as part:
            return _write(found, part, out, settings, sizes_um, on_progress), notes


def _write(
    found: FoundImages,
    folder: Path,
    out: Path,
    settings: ImportSettings,
    sizes_um: Mapping[str, float],
    on_progress: Callable[[], object],
) -> list[TypedRow]:
    """Write the images and their tables to a folder, which will be `out`, and return the rows of index.csv."""
    paths = {
        (image.image_id, colour): folder / "images" / f"{image.image_id}_{colour}.tif"
        for image in found.images.values()
        for colour in settings.colours.values()
    }
    inputs = [path for image in found.images.values() for files in image.files.values() for path in files]
    outputs = [*paths.values(), folder / RECORD_FILE, folder / "index.csv"]
    check_outputs([out / path.relative_to(folder) for path in outputs], "import", inputs=inputs, overwrite=True)
    for image in found.images.values():
        for colour, plane in _read(image, settings).planes.items():
            write_plane(paths[image.image_id, colour], plane, sizes_um[image.image_id])
        on_progress()
    rows = [
        TypedRow(image.image_id, image.types, SPLITS[not image.types], image.group, sizes_um[image.image_id])
        for image in found.images.values()
    ]
    _write_record(folder / RECORD_FILE, found, settings)
    write_typed_rows(folder / "index.csv", rows)
    return rows


def _check_all(
    found: FoundImages, settings: ImportSettings, on_progress: Callable[[], object]
) -> tuple[dict[str, float], list[Problem]]:
    """Return the pixel size of each image, and what was assumed or left out.

    Raises:
        DataError: Naming everything that is wrong.
    """
    problems, notes = list(found.problems), []
    sizes_um = {}
    if settings.choice.scene == "all":
        found.images = dict(_scenes_of(found, problems))
    for image in found.images.values():
        try:
            read = _read(image, settings)
            sizes_um[image.image_id] = read.pixel_um
            notes += [Problem(image.image_id, note) for note in read.notes]
        except InputError as error:
            problems.append(Problem(image.image_id, str(error)))
        on_progress()
    if problems:
        raise DataError("nothing was imported", problems)
    return sizes_um, notes


def _scenes_of(found: FoundImages, problems: list[Problem]) -> Iterator[tuple[str, FoundImage]]:
    """Yield an image for each scene, `<ID>_scene<N>` where a file holds several."""
    for image in found.images.values():
        first = next(iter(image.files.values()))[0]
        try:
            count = len(inspect_image(first).scenes)
        except InputError as error:
            problems.append(Problem(image.image_id, str(error)))
            continue
        for number in range(1, count + 1):
            name = image.image_id if count == 1 else f"{image.image_id}_scene{number}"
            yield name, replace(image, image_id=name, scene=number)


def _read(image: FoundImage, settings: ImportSettings) -> _ReadImage:
    """Return the planes of an image by colour, and the side of its pixels: as given, else of the files, else NaN.

    Raises:
        InputError: If a file cannot be read, or the channels do not fit together.
    """
    planes: dict[str, Plane] = {}
    stored: list[StoredImage] = []
    choice = settings.choice
    if image.scene is not None:
        choice = StackChoice(choice.z, choice.t, image.scene, choice.bits)
    for colour, paths in image.files.items():
        file = read_channel(paths, choice) if colour else read_image(paths[0], choice)
        stored.append(file)
        planes |= {colour: file.planes[0]} if colour else _picked(paths[0], file, settings.colours)
    difference = difference_of(
        {name: PlaneInfo(plane.shape[0], plane.shape[1], 8 * plane.itemsize) for name, plane in planes.items()}
    )
    if difference:
        raise InputError(difference)
    size_um = settings.pixel_um or _agreed_size(stored)
    return _ReadImage(planes, size_um, _notes(stored, settings))


def _agreed_size(stored: list[StoredImage]) -> float:
    """Return the side of a pixel in all files that have it, NaN where none has."""
    sizes_um = {round(file.pixel_um, 6) for file in stored if not math.isnan(file.pixel_um)}
    if len(sizes_um) > 1:
        raise InputError(f"its files have pixels of {sorted(sizes_um)} µm; give --pixel-um.")
    return next(iter(sizes_um), math.nan)


def _notes(stored: list[StoredImage], settings: ImportSettings) -> list[str]:
    """Return what was assumed or left out."""
    notes = [note for file in stored for note in file.scene.notes]
    for file in stored:
        if settings.pixel_um is None:
            notes += not_square(file.scene.pixel_um)
        if settings.choice.bits is None and file.scene.bits < 8 * np.dtype(file.scene.dtype).itemsize:
            notes.append(f"levels of {file.scene.bits} bit, as its header says, are stretched over 16")
        elif settings.choice.bits is None and (bits := unused_bits(int(file.planes.max()), file.scene.info.bits)):
            notes.append(f"levels stay below {1 << bits}, as of a camera of {bits} bit; --bits {bits} stretches them")
    return list(dict.fromkeys(notes))


def _write_record(path: Path, found: FoundImages, settings: ImportSettings) -> None:
    """Write where the images come from, and what was chosen."""
    content = {
        "channels": dict(settings.colours),
        "pixel_um": settings.pixel_um,
        "stack": settings.choice.settings(),
        **settings.words,
        "images": {
            image.image_id: {
                "files": {
                    colour or "all channels": [str(path) for path in paths] for colour, paths in image.files.items()
                },
                **({"scene": image.scene} if image.scene else {}),
            }
            for image in found.images.values()
        },
        "passed_over": dict(found.passed_over),
    }
    encoded = json.dumps(content, indent=1, ensure_ascii=False).encode()
    with whole_file(path, len(encoded)) as file:
        file.write(encoded)


def _picked(path: Path, image: StoredImage, colours: Mapping[str, str]) -> dict[str, Plane]:
    """Return the planes that are wanted, by name or by number from 1."""
    names, count = image.names, len(image.planes)
    numbers = [str(number) for number in range(1, count + 1)]
    missing = [name for name in colours if name not in names and name not in numbers]
    if missing:
        raise InputError(
            f"{path}: has no channel {', '.join(missing)}; it holds {count}: {', '.join(names)} "
            "(write these names, or numbers from 1, in --channels)."
        )
    places = {name: names.index(name) if name in names else numbers.index(name) for name in colours}
    return {colours[name]: image.planes[place] for name, place in places.items()}
