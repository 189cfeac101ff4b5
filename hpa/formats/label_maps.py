"""Label maps on disk, one file an image: TIFF for any number of cells, 16-bit PNG for other programs.

Numbers may be of any type that holds whole numbers; those beyond 31 bits are renumbered in their order, so that no two
cells become one. A stored segmentation is one TIFF: its first page the cells, its second the nuclei where there are
any; it is sealed with a checksum, which other programs pass over. Deflate of level 1 is used because the maps are flat:
higher levels take several times the time for some per cent of the size.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from jaxtyping import Int32, Integer, Shaped
from PIL import PngImagePlugin

from hpa.core.errors import DataError, InputError, Problem
from hpa.core.field import Segmentation
from hpa.core.file_names import require_data
from hpa.core.label_map import areas_of, labels_of
from hpa.core.sealed_file import damaged, read_sealed, write_sealed
from hpa.core.whole_file import whole_file
from hpa.formats.cellpose_seg import SUFFIX as CELLPOSE_SUFFIX
from hpa.formats.cellpose_seg import read_cellpose_masks
from hpa.formats.image_header import check_size
from hpa.formats.png import START as PNG_START
from hpa.formats.png import checksum_fault
from hpa.formats.tiff_directories import require_end

TIFF_SUFFIXES = (".tif", ".tiff")
NPZ_SUFFIX, NPZ_KEY = ".npz", "label_map"
SUFFIXES: tuple[str, ...] = (".png", *TIFF_SUFFIXES, NPZ_SUFFIX)
_UINT16_MAX = 65535
_PARTS_OF_A_MASK, _SHARE_OF_LARGEST = 3, 5
"""As many parts of a fifth of the largest or more are cells, not pieces of one."""
_INT32_MAX = np.iinfo(np.int32).max


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
    """Read a label map written by `write_label_map` or another program: TIFF, PNG, .npz, Cellpose's `_seg.npy`.

    Raises:
        InputError: If the file is missing, broken, no label map, or a stack of them.
    """
    if path.name.endswith(CELLPOSE_SUFFIX):
        require_data(path)
        return _checked(path, read_cellpose_masks(path))
    pages = _read_pages(path)
    if len(pages) != 1:
        raise InputError(f"{path}: one label map is expected, the file holds a stack of {len(pages)}; save one plane.")
    return _checked(path, pages[0])


def read_instances(path: Path) -> Int32[np.ndarray, "height width"]:
    """Read a label map in which each cell has a number of its own.

    Raises:
        InputError: As `read_label_map`, and if many cells have one number, as in a yes/no mask of levels 0 and 255.
    """
    label_map = read_label_map(path)
    numbers = labels_of(label_map)
    if len(numbers) != 1:
        return label_map
    _, parts = cv2.connectedComponents((label_map > 0).astype(np.uint8))
    areas = areas_of(parts)
    if np.count_nonzero(areas * _SHARE_OF_LARGEST >= areas.max(initial=0)) >= _PARTS_OF_A_MASK:
        raise InputError(
            f"{path}: {len(areas)} parts have the same number {numbers[0]}: a yes/no mask of all cells; each cell "
            "needs a number of its own. In Fiji: Process > Binary > Convert to Mask, then Analyze Particles > Count "
            "Masks."
        )
    return label_map


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


def is_label_map_name(path: Path) -> bool:
    """Return whether a file has the name of a format of label maps."""
    return path.name.endswith(CELLPOSE_SUFFIX) or path.suffix.lower() in SUFFIXES


def label_map_paths(folder: Path) -> dict[str, Path]:
    """Return the file of each image id, in the order of the ids; other files are passed over.

    Raises:
        InputError: If there is no such folder, it holds no label map, or two files have one id.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: a folder of label maps was expected, there is none; check the path.")
    paths: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if not is_label_map_name(path) or path.name.startswith("."):
            continue
        is_cellpose = path.name.endswith(CELLPOSE_SUFFIX)
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
    """Return the arrays of a file (of its content where that was read already) as stored; palettes hold numbers too."""
    suffix = path.suffix.lower()
    require_data(path)
    try:
        if suffix == NPZ_SUFFIX:
            _check_npz(path)
            with np.load(path, allow_pickle=False) as archive:
                return [archive[NPZ_KEY]]
        if suffix in TIFF_SUFFIXES:
            with nullcontext(content) if content else path.open("rb") as file:
                require_end(path, file)
            with tifffile.TiffFile(content or path, _multifile=False) as tiff:
                return [_page(path, page) for page in tiff.pages]
        png = path.read_bytes()
        if png.startswith(PNG_START) and (fault := checksum_fault(png)):
            raise ValueError(fault)
        with PngImagePlugin.PngImageFile(io.BytesIO(png)) as image:
            check_size(path, image.width * image.height)
            return [np.asarray(image)]
    except InputError:
        raise
    except Exception as error:  # a broken file makes decoders fail in any way
        raise InputError(
            f"{path}: a label map was expected; the file cannot be read, it is missing or broken ({error}); save it "
            f"again (npz: key '{NPZ_KEY}', no pickles)."
        ) from error


def _check_npz(path: Path) -> None:
    """Refuse an archive whose array would be too large, before any of it is inflated."""
    with zipfile.ZipFile(path) as archive, archive.open(f"{NPZ_KEY}.npy") as member:
        version = np.lib.format.read_magic(member)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, _ = read_header(member)
    check_size(path, math.prod(shape))


def _page(path: Path, page: Any) -> Shaped[np.ndarray, "*axes"]:
    check_size(path, int(np.prod(page.shape)))
    return page.asarray(maxworkers=1)


def _narrowed(label_map: Int32[np.ndarray, "height width"]) -> Integer[np.ndarray, "height width"]:
    """Return the map as uint16 where its numbers fit."""
    return label_map.astype(np.uint16) if label_map.max(initial=0) <= _UINT16_MAX else label_map


def _checked(path: Path, pixels: Shaped[np.ndarray, "*axes"]) -> Int32[np.ndarray, "height width"]:
    """Return pixels as a label map; numbers beyond 31 bits are renumbered, so that all stay apart.

    Raises:
        InputError: If they are no plane of whole numbers.
    """
    is_whole = pixels.dtype.kind in "iu" or (
        pixels.dtype.kind == "f" and bool(np.isfinite(pixels).all()) and bool((pixels == np.floor(pixels)).all())
    )
    if pixels.ndim != 2 or not is_whole:
        raise InputError(
            f"{path}: a label map is one plane of whole numbers, 0 background; came {pixels.dtype} of shape "
            f"{pixels.shape}. Save the numbers of the cells, not a picture or a yes/no mask of them."
        )
    if pixels.size == 0 or (pixels.max() <= _INT32_MAX and pixels.min() >= -_INT32_MAX):
        return pixels.astype(np.int32, copy=False)
    if pixels.min() < 0:
        raise InputError(f"{path}: a label map holds 0 and positive numbers, this one goes down to {pixels.min()}.")
    numbers, places = np.unique(pixels, return_inverse=True)
    first = 0 if numbers[0] == 0 else 1
    return (places.reshape(pixels.shape) + first).astype(np.int32)
