"""Label maps on disk, one file an image: TIFF for any number of cells, 16-bit PNG for other programs.

A stored segmentation is one TIFF: its first page the cells, its second the nuclei where there are any; it is sealed
with a checksum, which other programs pass over. Deflate of level 1 is used because the maps are flat: higher levels
take several times the time for some per cent of the size.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import tifffile
from jaxtyping import Int32, Integer, Shaped

from hpa.core.errors import DataError, InputError, Problem
from hpa.core.field import Segmentation
from hpa.core.sealed_file import damaged, read_sealed, write_sealed
from hpa.core.whole_file import whole_file
from hpa.formats.cellpose_seg import SUFFIX as CELLPOSE_SUFFIX
from hpa.formats.cellpose_seg import read_cellpose_masks

TIFF_SUFFIXES = (".tif", ".tiff")
SUFFIXES: tuple[str, ...] = (".png", *TIFF_SUFFIXES)
_UINT16_MAX = 65535


def write_label_map(path: Path, label_map: Int32[np.ndarray, "height width"]) -> None:
    """Write a label map as PNG (up to 65,535 cells) or TIFF, by the name of the file.

    Raises:
        InputError: If the format cannot hold it, or the disk is full.
    """
    if path.suffix.lower() in TIFF_SUFFIXES:
        pages = _encoded([label_map])
        with whole_file(path, pages.nbytes) as file:
            file.write(pages)
        return
    if path.suffix.lower() != ".png":
        raise InputError(f"{path}: label maps are written as .png, .tif or .tiff; name the file so.")
    narrow = _narrowed(label_map)
    if narrow.dtype != np.uint16:
        raise InputError(f"{path}: a PNG holds cell numbers up to {_UINT16_MAX}, came {label_map.max()}; write a .tif.")
    done, encoded = cv2.imencode(".png", narrow)
    if not done:
        raise InputError(f"{path}: a label map of {label_map.shape} pixels cannot be a PNG.")
    with whole_file(path, encoded.nbytes) as file:
        file.write(encoded.tobytes())


def read_label_map(path: Path) -> Int32[np.ndarray, "height width"]:
    """Read a label map written by `write_label_map` or another program, Cellpose's `_seg.npy` too.

    Raises:
        InputError: If the file is missing, broken or no label map.
    """
    if path.suffix.lower() in TIFF_SUFFIXES:
        return _checked(path, _read_pages(path)[0])
    if path.name.endswith(CELLPOSE_SUFFIX):
        return read_cellpose_masks(path)
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED) if path.is_file() else None
    if pixels is None:
        raise InputError(f"{path}: a readable label map was expected; the file is missing or broken, make it again.")
    return _checked(path, pixels)


def write_segmentation(path: Path, segmentation: Segmentation) -> None:
    """Write cells and nuclei as the pages of one sealed TIFF.

    Raises:
        InputError: If the disk is full.
    """
    maps = [segmentation.cells] if segmentation.nuclei is None else [segmentation.cells, segmentation.nuclei]
    write_sealed(path, _encoded(maps))


def read_segmentation(path: Path) -> Segmentation:
    """Read what `write_segmentation` wrote.

    Raises:
        DamagedFileError: If the file is missing, cut short or changed.
    """
    content = io.BytesIO(read_sealed(path))
    try:
        maps = [_checked(path, page) for page in _read_pages(path, content)]
    except InputError as error:
        raise damaged(path, str(error)) from error
    return Segmentation(maps[0], maps[1] if len(maps) > 1 else None)


def label_map_paths(folder: Path) -> dict[str, Path]:
    """Return the file of each image id, in the order of the ids; other files are passed over.

    Raises:
        InputError: If there is no such folder, it holds no label map, or two files have one id.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: a folder of label maps was expected, there is none; check the path.")
    paths: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        is_cellpose = path.name.endswith(CELLPOSE_SUFFIX)
        if not (is_cellpose or path.suffix.lower() in SUFFIXES) or path.name.startswith("."):
            continue
        name = path.name.removesuffix(CELLPOSE_SUFFIX) if is_cellpose else path.stem
        if name in paths:
            raise InputError(f"{folder}: one label map an image, came {paths[name].name} and {path.name}; remove one.")
        paths[name] = path
    if not paths:
        known = ", ".join([*SUFFIXES, CELLPOSE_SUFFIX])
        raise InputError(f"{folder}: label maps ({known}) were expected, there is none in this folder.")
    return paths


def paired_paths(predicted: Path, true: Path) -> Iterator[tuple[str, Path, Path]]:
    """Yield the id and both files of each image.

    Raises:
        InputError: If a folder cannot be used.
        DataError: Naming every image that is in one folder only.
    """
    predicted_paths, true_paths = label_map_paths(predicted), label_map_paths(true)
    problems = [
        Problem(name, f"has no prediction in {predicted}") for name in true_paths if name not in predicted_paths
    ]
    problems += [Problem(name, f"has no truth in {true}") for name in predicted_paths if name not in true_paths]
    if problems:
        raise DataError("the folders must hold the same images, with the same names", problems)
    for name, path in true_paths.items():
        yield name, predicted_paths[name], path


def _encoded(label_maps: list[Int32[np.ndarray, "height width"]]) -> memoryview:
    """Return label maps as the pages of a TIFF."""
    content = io.BytesIO()
    with tifffile.TiffWriter(content) as tiff:
        for page in map(_narrowed, label_maps):
            tiff.write(page, photometric="minisblack", compression="zlib", compressionargs={"level": 1}, metadata=None)
    return content.getbuffer()


def _read_pages(path: Path, content: io.BytesIO | None = None) -> list[Shaped[np.ndarray, "*axes"]]:
    """Return the pages of a TIFF, from its content where that was read already."""
    try:
        with tifffile.TiffFile(path if content is None else content) as tiff:
            pages = [page.asarray() for page in tiff.pages]
    except Exception as error:  # a broken file makes the decoder fail in any way
        raise InputError(
            f"{path}: a readable label map was expected; the file is missing or broken ({error}), make it again."
        ) from error
    if not pages:
        raise InputError(f"{path}: a label map was expected, the file holds no image; make it again.")
    return pages


def _narrowed(label_map: Int32[np.ndarray, "height width"]) -> Integer[np.ndarray, "height width"]:
    """Return the map as uint16 where its numbers fit."""
    return label_map.astype(np.uint16) if label_map.max(initial=0) <= _UINT16_MAX else label_map


def _checked(path: Path, pixels: Shaped[np.ndarray, "*axes"]) -> Int32[np.ndarray, "height width"]:
    if pixels.ndim != 2 or pixels.dtype.kind not in "iu":
        raise InputError(
            f"{path}: a label map is one plane of whole numbers; came {pixels.dtype} of shape {pixels.shape}."
        )
    return pixels.astype(np.int32, copy=False)
