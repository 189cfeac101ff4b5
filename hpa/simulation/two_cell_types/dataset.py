"""Two cell types on disk, in the layout of `data=typed_images`: pure images to train on, mixed ones to test.

    index.csv                    ID,class,split,group,pixel_um     class: the type; "HEK|N2a" of mixed images
    images/<ID>_{blue,green}.tif                     8 bit grey, nuclei and cytoplasm
    labels/<ID>.tif                                  label maps, 0 background
    classes.csv                  ID,cell,class       type of every cell
    truth_test.csv               ID,ImageWidth,ImageHeight,TruthString
    truth_test.coco.json         the same as COCO instances, for `hpa score-instances`
    world.json                   what made it, the designed and the true proportion of each mixed image

It is written beside its place and renamed at the end, so that a folder of that name is always whole.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
from tqdm import tqdm

from hpa.core.encoding import encode_label_map
from hpa.core.errors import InputError
from hpa.core.submission import format_truth
from hpa.core.submission_table import TRUTH_COLUMN, TableRow, write_table
from hpa.core.whole_file import whole_folder
from hpa.formats.calibrated_tiff import write_plane
from hpa.formats.coco_file import LabelledImage, write_coco
from hpa.formats.label_maps import read_label_map, write_label_map
from hpa.simulation.parallel import check_counts, in_order
from hpa.simulation.two_cell_types.cell_types import CELL_TYPES
from hpa.simulation.two_cell_types.two_type_field import KINDS_OF_FIELD, MIXED, PIXEL_UM, render_two_type_field
from hpa.sources.cell_classes import write_cell_classes
from hpa.sources.typed_listing import TypedRow, write_typed_rows

MIN_SIDE_PX = 64
_NAMES = tuple(cell_type.name for cell_type in CELL_TYPES)


@dataclass(frozen=True)
class WrittenTwoTypes:
    """Columns of the tables for a field whose files are on disk."""

    row: TypedRow
    truth: TableRow
    types: tuple[str, ...]


def write_two_cell_types(
    folder: Path,
    *,
    images: int,
    side_px: int | tuple[int, int],
    seed: int,
    test_images: int | None = None,
    workers: int = 1,
) -> None:
    """Write a data set of `images` fields: pure ones of each type in turn for training, mixed 50:50 for the test.

    A field depends on its seed, kind and number alone: larger worlds of one seed hold the smaller ones.

    Args:
        folder: Where it shall be; missing or empty.
        images: Number of fields.
        side_px: Side of the fields, or height and width; a pixel is 0.325 µm wide, the originals have 1104.
        seed: Number of the world.
        test_images: How many of the fields are the test split; None for a quarter.
        workers: Processes.

    Raises:
        InputError: If the folder holds anything, or a number makes no sense.
    """
    height, width = (side_px, side_px) if isinstance(side_px, int) else side_px
    test_images = max(1, images // 4) if test_images is None else test_images
    check_counts(images, test_images, seed, workers)
    if min(height, width) < MIN_SIDE_PX:
        raise InputError(f"fields have sides of {MIN_SIDE_PX} px or more, got {height} x {width}.")
    plan = planned(images - test_images, test_images)
    with whole_folder(folder) as part:
        for name in ("images", "labels"):
            (part / name).mkdir()
        draw = partial(write_two_type_field, part, seed, height, width, plan)
        written = list(tqdm(in_order(draw, len(plan), workers), "fields", len(plan), disable=None))
        write_typed_rows(part / "index.csv", [field.row for field in written])
        cells = [(field.row.image_id, n, name) for field in written for n, name in enumerate(field.types, start=1)]
        write_cell_classes(part / "classes.csv", cells)
        mixed = [field for field in written if field.row.split == "test"]
        write_table(part / "truth_test.csv", TRUTH_COLUMN, [field.truth for field in mixed])
        write_coco(part / "truth_test.coco.json", (_labelled(part, field) for field in mixed), _NAMES)
        settings = {"images": images, "test_images": test_images, "height": height, "width": width, "seed": seed}
        _write_description(part / "world.json", settings, mixed)


def planned(training: int, test: int) -> list[tuple[str, int]]:
    """Return kind and number of every field: pure types in turn, then mixed ones.

    >>> planned(3, 1)
    [('HEK', 0), ('N2a', 0), ('HEK', 1), ('Mixed', 0)]
    """
    pure = [(_NAMES[index % len(_NAMES)], index // len(_NAMES)) for index in range(training)]
    return pure + [(MIXED, index) for index in range(test)]


def write_two_type_field(
    folder: Path, seed: int, height: int, width: int, plan: Sequence[tuple[str, int]], index: int
) -> WrittenTwoTypes:
    """Draw one field, write its planes and label map, and return its rows of the tables."""
    cv2.setNumThreads(0)  # fields, not pixels, are shared out between processes
    kind, number = plan[index]
    drawn = render_two_type_field(seed, kind, number, height, width)
    image_id = drawn.field.image_id
    for channel, plane in zip(drawn.field.channels, drawn.field.pixels, strict=True):
        write_plane(folder / "images" / f"{image_id}_{channel}.tif", plane, PIXEL_UM)
    write_label_map(folder / "labels" / f"{image_id}.tif", drawn.cells)
    masks = encode_label_map(drawn.cells)
    text = format_truth(drawn.classes.tolist(), [masks[cell] for cell in range(1, len(drawn.classes) + 1)])
    types = tuple(_NAMES[kind_of_cell] for kind_of_cell in drawn.classes)
    classes = [name for name, share in zip(_NAMES, KINDS_OF_FIELD[kind], strict=True) if share]
    row = TypedRow(image_id, "|".join(classes), "test" if kind == MIXED else "train", drawn.well, PIXEL_UM)
    return WrittenTwoTypes(row, TableRow(image_id, width, height, text), types)


def _labelled(folder: Path, field: WrittenTwoTypes) -> LabelledImage:
    name = f"{field.row.image_id}.tif"
    return LabelledImage(name, read_label_map(folder / "labels" / name), field.types)


def _write_description(path: Path, settings: dict[str, int], mixed: Sequence[WrittenTwoTypes]) -> None:
    """Write world.json."""
    counted = {field.row.image_id: {name: field.types.count(name) for name in _NAMES} for field in mixed}
    designed = dict(zip(_NAMES, KINDS_OF_FIELD[MIXED], strict=True))
    description = {"layout": "hek_n2a", "settings": settings, "designed": designed, "counted": counted}
    path.write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
