"""COCO instances files: one JSON object with `images`, `annotations` and `categories`."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from jaxtyping import Int32

from hpa.core.coco import annotations_of, run_text_of
from hpa.core.errors import DataError, InputError, Problem
from hpa.core.file_names import folded
from hpa.core.label_map import relabel
from hpa.core.whole_file import whole_file
from hpa.formats.image_header import check_size

_PARTS = ("images", "annotations", "categories")
_IMAGE_SUFFIXES = ("png", "jpg", "jpeg", "tif", "tiff", "bmp", "gif", "webp", "npy", "npz", "zarr", "czi", "nd2", "lif")
_MAX_CATEGORIES = 5_000
"""LVIS, the set with most of them, has 1,203; tables of confusion take the square."""
_MAX_SIDE_PX = 1 << 31
_MAX_NAME_BYTES = 200
"""Names of label maps are made of names of images; file systems take 255 bytes."""


@dataclass(frozen=True)
class CocoImage:
    """One image and its instances, in the order of the file.

    Attributes:
        name: Stem of its file name.
        height: Rows, px.
        width: Columns, px.
        texts: Run-length text of each instance.
        class_names: Category of each instance.
        scores: How sure each instance is; None in a file of truth.
        crowds: How many crowd regions (no instances) were passed over.
    """

    name: str
    height: int
    width: int
    texts: tuple[bytes, ...]
    class_names: tuple[str, ...]
    scores: tuple[float | None, ...]
    crowds: int


@dataclass(frozen=True)
class LabelledImage:
    """A label map to be written, and class and score of each of its cells in ascending order of their numbers."""

    file_name: str
    label_map: Int32[np.ndarray, "height width"]
    class_names: Sequence[str]
    scores: Sequence[float] | None = None


def write_coco(path: Path, images: Iterable[LabelledImage], class_names: Sequence[str]) -> int:
    """Write label maps as COCO instances and return how many; categories are numbered from 1 in the order given.

    Raises:
        InputError: If a map has a negative number, or the disk is full.
    """
    number_of = {name: number for number, name in enumerate(class_names, start=1)}
    content: dict[str, list[Any]] = {part: [] for part in _PARTS}
    content["categories"] = [{"id": number, "name": name} for name, number in number_of.items()]
    for image_number, image in enumerate(images, start=1):
        height, width = image.label_map.shape
        content["images"].append({"id": image_number, "file_name": image.file_name, "height": height, "width": width})
        cells = annotations_of(relabel(image.label_map))
        scores = [{}] * len(cells) if image.scores is None else [{"score": score} for score in image.scores]
        for name, cell, score in zip(image.class_names, cells, scores, strict=True):
            identity = {"id": len(content["annotations"]) + 1, "image_id": image_number, "category_id": number_of[name]}
            content["annotations"].append(identity | cell | score)
    encoded = json.dumps(content).encode()
    with whole_file(path, len(encoded)) as file:
        file.write(encoded)
    return len(content["annotations"])


def read_coco(path: Path) -> list[CocoImage]:
    """Return the images of a file with their instances.

    Raises:
        InputError: If the file is missing or no COCO instances file.
        DataError: Naming every annotation without image or category, clash of categories or names, and bad mask.
    """
    content = _content_of(path)
    problems: list[Problem] = []
    names = _category_names(content["categories"], problems)
    images = _images(path, content["images"], problems)
    by_image: dict[Any, list[tuple[bytes, str, float | None]]] = defaultdict(list)
    crowds: dict[Any, int] = defaultdict(int)
    for place, annotation in enumerate(content["annotations"], start=1):
        key = annotation.get("image_id")
        if annotation.get("iscrowd") and _is_id(key):
            crowds[key] += 1
            continue
        try:
            instance = _instance(annotation, images, names)
        except InputError as error:
            problems.append(Problem(f"annotation {_brief(annotation.get('id', f'no. {place}'))}", str(error)))
        else:
            by_image[key].append(instance)
    if problems:
        raise DataError(str(path), problems)
    return [
        CocoImage(
            name_of(image["file_name"]),
            int(image["height"]),
            int(image["width"]),
            tuple(text for text, _, _ in by_image[key]),
            tuple(name for _, name, _ in by_image[key]),
            tuple(score for _, _, score in by_image[key]),
            crowds[key],
        )
        for key, image in images.items()
    ]


def category_names(path: Path) -> list[str]:
    """Return the names of a file's categories in their order, those without an instance too.

    Raises:
        InputError: If the file is missing or no COCO instances file.
    """
    return list(_category_names(_content_of(path)["categories"], []).values())


def _content_of(path: Path) -> dict[str, list[Any]]:
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path.") from error
    except (ValueError, RecursionError) as error:  # no JSON, or no UTF-8, or nested without end
        raise InputError(f"{path}: is no JSON ({error}); a COCO instances file was expected.") from error
    usable = isinstance(content, dict) and all(
        isinstance(content.get(part), list) and all(isinstance(entry, dict) for entry in content[part])
        for part in _PARTS
    )
    if not usable:
        raise InputError(f"{path}: a COCO instances file has lists of objects {', '.join(_PARTS)}; some are missing.")
    if len(content["categories"]) > _MAX_CATEGORIES:
        raise InputError(
            f"{path}: {len(content['categories'])} categories, at most {_MAX_CATEGORIES} are expected; keep those with "
            "instances."
        )
    return content


def _category_names(categories: list[Any], problems: list[Problem]) -> dict[Any, str]:
    """Return the name of each category; one number with two names, or one name with two numbers, is a clash."""
    names: dict[Any, str] = {}
    number_of: dict[str, Any] = {}
    for category in categories:
        number, name = category.get("id"), category.get("name")
        if not _is_id(number) or not _is_name(name):
            subject = f"category {_brief(number if number is not None else name)}"
            problems.append(Problem(subject, "needs both 'id' (a number or text) and 'name' (text)."))
        elif names.get(number, name) != name:
            problems.append(Problem(f"category {number}", f"is both '{names[number]}' and '{name}'; name it once."))
        elif number_of.setdefault(name, number) != number:
            numbers = f"{number_of[name]} and {number}"
            problems.append(Problem(f"category '{name}'", f"has the numbers {numbers}; number it once."))
        else:
            names[number] = name
    return names


def _images(path: Path, entries: list[Any], problems: list[Problem]) -> dict[Any, dict[str, Any]]:
    images: dict[Any, dict[str, Any]] = {}
    file_of: dict[str, str] = {}
    for entry in entries:
        number, file_name = entry.get("id"), entry.get("file_name")
        sides = (entry.get("height"), entry.get("width"))
        is_named = _is_name(file_name) and _is_file_name(name_of(file_name))
        if not (_is_id(number) and is_named and all(map(_is_side, sides))):
            needed = "needs 'id' (a number or text), 'file_name' (the name of a file), and 'height' and 'width' in px."
            problems.append(Problem(f"image {_brief(number)}", needed))
            continue
        try:
            check_size(path, int(sides[0]) * int(sides[1]))
        except InputError as error:
            # at once: what is drawn on such an image needs as much memory as the image
            raise InputError(f"image {number}: {error}") from error
        stem = name_of(file_name)
        if number in images:
            problems.append(Problem(f"image {number}", f"is both {images[number]['file_name']} and {file_name}."))
        if (same := folded(stem)) in file_of:
            problems.append(Problem(f"image {number}", f"{file_name} and {file_of[same]} would be one label map."))
        file_of[same] = file_name
        images[number] = entry
    return images


def _instance(
    annotation: dict[str, Any], images: dict[Any, dict[str, Any]], names: dict[Any, str]
) -> tuple[bytes, str, float | None]:
    """Return mask, class and score of an annotation.

    Raises:
        InputError: If its image or category is missing, or its mask or score cannot be read.
    """
    image_id, category_id, score = (annotation.get(key) for key in ("image_id", "category_id", "score"))
    if not _is_id(image_id) or image_id not in images:
        raise InputError(f"belongs to image {_brief(image_id)}, which is not among the images of the file.")
    if not _is_id(category_id) or category_id not in names:
        raise InputError(f"has category {_brief(category_id)}, which is not among those of the file.")
    image = images[image_id]
    text = run_text_of(_whole_sizes(annotation.get("segmentation")), int(image["height"]), int(image["width"]))
    if score is None:
        return text, names[category_id], None
    if type(score) not in (int, float) or not -sys.float_info.max <= score <= sys.float_info.max:
        raise InputError(f"has score {_brief(score)}; a number was expected.")
    return text, names[category_id], float(score)


def name_of(file_name: str) -> str:
    """Return the name of an image from its file name, whatever system wrote it: no folders, no suffix of an image.

    >>> name_of("images/x.png"), name_of("a/slide.v1.2"), name_of("b.ome.tif")
    ('x', 'slide.v1.2', 'b.ome')
    """
    name = file_name.replace("\\", "/").rpartition("/")[2]
    stem, _, suffix = name.rpartition(".")
    return stem if stem and suffix.lower() in _IMAGE_SUFFIXES else name


def _whole_sizes(segmentation: Any) -> Any:
    """Return a segmentation whose size is whole numbers where a program wrote them as 64.0."""
    if not isinstance(segmentation, dict):
        return segmentation
    if not isinstance(segmentation.get("size"), list):
        raise InputError("its segmentation has no 'size' [height, width].")
    size = [int(side) if _is_side(side) else side for side in segmentation["size"]]
    return segmentation | {"size": size}


def _is_side(side: Any) -> bool:
    """Whether a side is a whole number of pixels; 64.0 is one too."""
    return type(side) in (int, float) and 0 < side <= _MAX_SIDE_PX and (isinstance(side, int) or side.is_integer())


def _is_id(value: object) -> bool:
    """Whether a value can be an id: JSON's `true` equals 1 and could hide it, lists cannot be looked up."""
    return type(value) in (int, str) or (isinstance(value, float) and value.is_integer())


def _is_name(value: object) -> TypeGuard[str]:
    """Whether a value is a text that can be printed and written to a table."""
    return isinstance(value, str) and value.strip() != "" and value.replace("\u00a0", " ").isprintable()


def _is_file_name(stem: str) -> bool:
    return len(stem.encode()) <= _MAX_NAME_BYTES and stem not in ("", ".", "..")


def _brief(value: object) -> str:
    """Return a value as messages show it, however large it is."""
    if isinstance(value, list | dict):
        return f"of type {type(value).__name__}"
    if isinstance(value, int) and value.bit_length() > 64:
        return "with a number of more than 64 bits"
    return f"{value!s:.40}"
