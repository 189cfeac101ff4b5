"""What is decided before a folder is segmented: channels and the size of pixels, each from what the images hold."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from hpa.config import build
from hpa.core.errors import InputError
from hpa.core.json_file import read_json
from hpa.core.planes import GREY
from hpa.formats.channel_names import example_of
from hpa.formats.field_windows import open_windows
from hpa.formats.folder_images import FolderImages
from hpa.formats.images import inspect_image
from hpa.intake.channel_choice import NUCLEI, Part, channel_names, require_channels, with_channels
from hpa.intake.nucleus_scale import estimate_size
from hpa.interfaces import Segmenter

_TRIED = 5
"""Images that are tried until one can be read."""
ESTIMATED = "estimated_pixel_um"
"""Key of an estimated size in the settings of a folder of label maps."""


def choose_channels(
    opened: Callable[[Sequence[str]], FolderImages], part: Part, words: Sequence[str]
) -> tuple[Segmenter, FolderImages, list[str]]:
    """Build a segmenter that reads channels which the images have.

    Args:
        opened: Opens the images with the channels that are wanted.
        part: Settings of the segmenter.
        words: Overrides that the user gives.

    Returns:
        The segmenter, its images, and what was chosen, in words.

    Raises:
        InputError: If images lack a channel and nothing says which one to take.
    """
    first = opened(channel_names(part))
    available = _available(first)
    example = example_of(first.own_channels or _planes_of(first) or available)
    chosen, note = with_channels(part, available, words, example)
    segmenter: Segmenter = build(chosen)
    require_channels(chosen, segmenter.channels, available, example)
    notes = [note] if note else []
    if first.own_channels:
        notes.insert(0, f"channels: {first.called}")
    return segmenter, opened(segmenter.channels), notes


def choose_size(images: FolderImages, part: Part, finder: Callable[[], Segmenter], out: Path) -> str:
    """Take the size of pixels that files have, else estimate it from nuclei; return what was taken, in words.

    Args:
        images: The images; where sizes are unknown, they get the estimate.
        part: Settings of the segmenter; sizes are estimated where it looks for nuclei in a channel.
        finder: Makes what finds nuclei in a grey plane.
        out: Folder of label maps; an estimate that made those in it is taken again.

    Raises:
        InputError: If a size is unknown and cannot be estimated.
    """
    sizes_um = images.sizes_um()
    if not sizes_um:
        return "pixel size: unknown, as no image can be read"
    unknown = [image_id for image_id, size_um in sizes_um.items() if math.isnan(size_um)]
    if not unknown:
        shown = sorted({f"{size_um:.4g} µm" for size_um in sizes_um.values()})
        origin = "; ".join([_origin(images), *images.known_sizes.notes])
        return f"pixel size: {', '.join(shown[:_TRIED])}{', …' if len(shown) > _TRIED else ''}, {origin}"
    if part.get(NUCLEI) is None:
        return f"pixel size: unknown of {len(unknown)} images; --pixel-um gives it"
    earlier = _earlier_estimate(out)
    if earlier is not None:
        images.known_sizes.estimated_um = earlier
        return f"pixel size: {earlier:g} µm, as estimated before; else --pixel-um, into another folder"
    if large := [image_id for image_id in unknown if _is_large(images, image_id)]:
        raise InputError(
            f"{large[0]}: the size of its pixels is not known, and it is too large to estimate it from its nuclei; "
            "give --pixel-um."
        )
    estimate = estimate_size(unknown, images.read, part[NUCLEI], finder())
    images.known_sizes.estimated_um = estimate.pixel_um
    return f"pixel size: {estimate}"


def _planes_of(images: FolderImages) -> tuple[str, ...]:
    """Return the planes of the first file of several as it calls them, numbers from 1 where it does not."""
    for image_id in images.image_ids[:_TRIED]:
        path = images.file_of(image_id)
        try:
            names = () if path is None else inspect_image(path).scenes[0].channel_names
        except InputError:
            continue
        if len(names) > 1:
            return names
    return ()


def _available(images: FolderImages) -> tuple[str, ...]:
    """Return the channels that most of the first images have, `grey` of grey ones."""
    found: Counter[tuple[str, ...]] = Counter()
    for image_id in images.image_ids[:_TRIED]:
        try:
            found[_channels_of(images, image_id)] += 1
        except InputError:
            continue
    coloured = Counter({channels: count for channels, count in found.items() if channels != (GREY,)})
    return next(iter((coloured or found).most_common(1)), ((), 0))[0]


def _is_large(images: FolderImages, image_id: str) -> bool:
    try:
        image = open_windows(images, image_id)
    except InputError:  # raised again where it is read
        return False
    image.close()
    return image.is_large


def _channels_of(images: FolderImages, image_id: str) -> tuple[str, ...]:
    image = open_windows(images, image_id)
    try:
        if image.is_large:
            return (GREY,) if len(set(image.planes)) == 1 else image.channels
    finally:
        image.close()
    field = images.read(image_id)
    is_repeated = all(np.array_equal(plane, field.pixels[0]) for plane in field.pixels)
    return (GREY,) if images.file_of(image_id) is not None and is_repeated else field.channels


def _origin(images: FolderImages) -> str:
    if isinstance(images.known_sizes.given, Mapping):
        return "from index.csv"
    if images.known_sizes.given is not None:
        return "as given"
    return (
        "from the files or the microscope's description, or as fields of the Human Protein Atlas are; else --pixel-um"
    )


def _earlier_estimate(out: Path) -> float | None:
    """Return the estimate that label maps in a folder were made with."""
    try:
        settings = read_json(out / "segmenter.json")
        return float(settings["images"][ESTIMATED])
    except (OSError, ValueError, KeyError, TypeError):
        return None
