"""A synthetic data set in the layout of the single-cell competition, with its ground truth apart.

The files are those of `hpa.simulation.competition_folder`, world.json (what made it, and the noise of its labels), and
label_rates.csv: how often each class is missed or invented, in images and in cells.
It is written beside its place and renamed at the end, so that a folder of that name is always whole.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path

import cv2
from tqdm import tqdm

from hpa.core.classes import LOCATION_NAMES
from hpa.core.errors import InputError
from hpa.core.whole_file import whole_folder
from hpa.simulation.competition_folder import LabelledField, WrittenField, make_folders, write_field, write_tables
from hpa.simulation.label_noise import copy_noise
from hpa.simulation.label_rates import FILE_NAME as LABEL_RATES_FILE
from hpa.simulation.label_rates import write_label_rates
from hpa.simulation.parallel import check_counts, in_order
from hpa.simulation.synthetic_field import render_field
from hpa.simulation.worlds import STANDARD, World

MIN_SIDE_PX = 32


def write_competition(
    folder: Path,
    *,
    images: int,
    side_px: int | tuple[int, int],
    seed: int,
    test_images: int | None = None,
    workers: int = 1,
    world: World = STANDARD,
) -> None:
    """Write a data set of `images` fields, training and test together.

    A field depends on its seed, split and number alone: larger data sets of one seed begin with the smaller ones.

    Args:
        folder: Where it shall be; missing or empty.
        images: Number of fields.
        side_px: Side of the fields, or height and width; a field is 164 µm wide whatever its pixels.
        seed: Another seed gives other fields.
        test_images: How many of the fields are the test split; None for a quarter.
        workers: Processes.
        world: What the fields are drawn from.

    Raises:
        InputError: If the folder holds anything, or a number makes no sense.
    """
    height, width = (side_px, side_px) if isinstance(side_px, int) else side_px
    test_images = max(1, images // 4) if test_images is None else test_images
    check_counts(images, test_images, seed, workers)
    if min(height, width) < MIN_SIDE_PX:
        raise InputError(f"fields have sides of {MIN_SIDE_PX} px or more, got {height} x {width}.")
    with whole_folder(folder) as part:
        make_folders(part)
        drawn = {}
        for split, count in (("train", images - test_images), ("test", test_images)):
            draw = partial(_draw_field, part, world, seed, split, height, width)
            drawn[split] = list(tqdm(in_order(draw, count, workers), f"{split} fields", count, disable=None))
        write_tables(part, {split: [field for field, _ in fields] for split, fields in drawn.items()})
        labelled = [field for field, _ in drawn["train"]]
        write_label_rates(part / LABEL_RATES_FILE, labelled, dict(enumerate(LOCATION_NAMES)))
        settings: dict[str, int | str] = {"images": images, "test_images": test_images}
        settings |= {"height": height, "width": width, "seed": seed}
        if world is not STANDARD:
            settings |= {"world": world.name}
        _write_description(part / "world.json", settings, [field for fields in drawn.values() for field in fields])


def _draw_field(
    folder: Path, world: World, seed: int, split: str, height: int, width: int, index: int
) -> tuple[WrittenField, str]:
    """Draw one field, write its files, and return its rows of the tables and its cell line."""
    cv2.setNumThreads(0)  # fields, not pixels, are shared out between processes
    drawn = render_field(seed, split, index, height, width, world)
    labelled = LabelledField(drawn.field, drawn.cells, drawn.cell_classes, drawn.image_classes)
    return write_field(folder, split, labelled), drawn.cell_line


def _write_description(path: Path, settings: Mapping[str, int | str], fields: list[tuple[WrittenField, str]]) -> None:
    """Write world.json."""
    noise = copy_noise((field.image_classes, field.cell_classes) for field, _ in fields)
    lines = {field.truth.image_id: line for field, line in fields}
    description = {"settings": settings, "label_noise": asdict(noise), "cell_lines": lines}
    path.write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
