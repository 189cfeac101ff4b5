"""Folders of label maps: one file an image, its stem the image's id (`<id>_seg.npy` of Cellpose)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hpa.core.errors import DataError, InputError, Problem
from hpa.formats.cellpose_masks import SUFFIX as CELLPOSE_SUFFIX
from hpa.formats.label_map_files import TIFF_SUFFIXES

SUFFIXES: tuple[str, ...] = (".png", *TIFF_SUFFIXES)


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
