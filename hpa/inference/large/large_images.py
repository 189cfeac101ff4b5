"""Large images of a folder, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from hpa.core.errors import InputError, Problem
from hpa.core.file_lock import held
from hpa.core.whole_file import WriteError
from hpa.formats.field_windows import open_windows
from hpa.formats.folder_images import FolderImages
from hpa.inference.large.large_image import LargeOutput, LargeResult, segment_large
from hpa.interfaces import Segmenter


def large_ids(images: FolderImages, is_every_one: bool) -> list[str]:
    """Return the images that cannot be read as a whole, or all of them; unreadable ones left out."""
    found = []
    for image_id in images.image_ids:
        try:
            image = open_windows(images, image_id)
        except InputError:  # raised again where it is read
            continue
        image.close()
        if is_every_one or image.is_large:
            found.append(image_id)
    return found


def segment_large_images(
    images: FolderImages,
    image_ids: Sequence[str],
    segmenter: Segmenter,
    output: LargeOutput,
    say: Callable[[str], object],
) -> list[Problem]:
    """Segment large images one after the other, say what came of each, and return those that failed.

    Raises:
        WriteError: If the disk is full or the folder read-only.
    """
    failed = []
    with held(output.folder / ".lock", "writes label maps", "wait until it ends, or choose another folder."):
        for image_id in image_ids:
            place = output.labels(image_id)
            if place.exists() and not output.overwrite:
                say(f"{place}: kept")
                continue
            image = open_windows(images, image_id)
            try:
                say(f"{image_id}: {image.width}×{image.height} px, {image.layout}")
                say(_described(place, segment_large(image, segmenter, images.settings(), output)))
            except WriteError:
                raise
            except InputError as error:
                failed.append(Problem(image_id, str(error)))
            finally:
                image.close()
    return failed


def _described(place: Path, result: LargeResult) -> str:
    tiles = f"{result.tiles} tiles of {result.tile_px} px, seen with {result.overlap_px} px beyond"
    words = f"{place}: {result.cells} cells, {tiles}"
    if not result.is_exact:
        words += "\nnote     with this segmenter levels are those of each tile: cells differ from those of one piece"
    if result.cut:
        words += f"\nwarning  {result.cut} cells are larger than what a tile sees; repeat with a larger --overlap"
    return words
