"""`hpa segment`: label maps of a folder of images, by any segmenter."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int32, UInt8
from tqdm import tqdm

from hpa.core.counts import counted
from hpa.core.errors import InputError
from hpa.core.ownership import require_no_paths
from hpa.core.project_folder import project_folder
from hpa.intake.stack_options import add_stack_options, pixel_um, stack_choice

if TYPE_CHECKING:
    from hpa.core.errors import Problem
    from hpa.core.field import Field
    from hpa.formats.folder_images import FolderImages
    from hpa.inference.label_maps import SegmentedImages
    from hpa.interfaces import Segmenter
    from hpa.measurements.cells import CellMeasures

HELP = "find the cells in a folder of images with any segmenter"
DEFAULT_SEGMENTER = "segmenter=watershed"
_MEASUREMENTS = "also.cells.measurements."
"""Begin of overrides that say how cells are measured."""
NUCLEUS_SEGMENTER = "segmenter=watershed_nuclei"
"""Finds the nuclei that an unknown size of pixels is estimated from."""
_SHOWN = 5
EXIT_SOME_FAILED = 3
EXIT_ALL_FAILED = 1
_IMAGES = """Images are grey files, one a channel, named ID_channel or as microscopes name them (.png, .tif, .zarr, …),
or single files: a grey one stands for every channel that the segmenter reads; planes of a colour or multi-channel one
are red, green, blue, yellow, or as the file or --channels names them. Channels are chosen by what images hold, and an
unknown size of pixels is estimated from nuclei; both are printed. What lies in OUT already is kept, so that the same
command goes on where it stopped. A detector's classes and scores go to OUT/classes.csv."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = f"{HELP}. {_IMAGES}"
    parser.add_argument("folder", metavar="DIR", type=Path, help="folder of images, an image, or what hpa import wrote")
    parser.add_argument("out", metavar="OUT", type=Path, help="folder to write to")
    parser.add_argument(
        "overrides", nargs="*", help="as of infer.py: segmenter=hpa_cell, segmenter.reach_um=20, ckpt=RUN"
    )
    parser.add_argument(
        "--format", choices=("tif", "png", "cellpose"), default="tif", help="cellpose: ID_seg.npy, for its window"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="make all files again, also corrected ones and those of others"
    )
    parser.add_argument("--preview", action="store_true", help="also write OUT/preview/ID.png with the cells outlined")
    parser.add_argument("--page", action="store_true", help="also write OUT/cells.html, as hpa show does")
    parser.add_argument(
        "--measure",
        action="store_true",
        help="also write OUT/measurements.parquet: shape, intensity, texture and neighbours of every cell",
    )
    parser.add_argument(
        "--channels", metavar="A,B|W1=A,…", help="names of channels in order, or of each by its name in the files"
    )
    parser.add_argument(
        "--split",
        choices=("train", "test"),
        help="only these images of what hpa import wrote: pure ones train, mixed ones test",
    )
    parser.add_argument(
        "--pixel-um", metavar="UM", type=pixel_um, help="side of a pixel (index.csv, else the files, else by nuclei)"
    )
    parser.add_argument(
        "--tile",
        metavar="PX",
        type=int,
        help="work in tiles of this side, for images of any size; those beyond HPA_MAX_PIXELS are tiled by themselves",
    )
    parser.add_argument(
        "--overlap", metavar="PX", type=int, help="how far beyond a tile is seen, at least the width of a cell"
    )
    add_stack_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Segment; return 0, 3 if some images failed, 1 if all did."""
    from hpa.formats.folder_files import describe_passed_over
    from hpa.inference.label_maps import LabelMapOutput, segment_images
    from hpa.inference.measured_images import MeasuredImages
    from hpa.intake.bright_background import bright_background_warning

    part = _part([word for word in arguments.overrides if not word.startswith(_MEASUREMENTS)])
    images, segmenter = _prepared(arguments, part)
    for line in describe_passed_over(images.passed_over):
        print(line)
    measured = MeasuredImages(arguments.out, _measurements(arguments.overrides)) if arguments.measure else None
    large, failed = _segment_large(arguments, images, segmenter)
    if large and not images.image_ids:
        return _exit_code(len(large) - len(failed), len(failed))
    output = LabelMapOutput(arguments.out, arguments.format, arguments.preview, _draw, arguments.overwrite, measured)
    with tqdm(total=len(images.image_ids), unit="image", leave=False, disable=not sys.stderr.isatty()) as bar:
        result = segment_images(images, segmenter, output, bar.update)
    for problem in result.failed:
        print(f"failed   {problem}")
    print(_summary(arguments.out, result))
    if result.bright:
        first = ", ".join(result.bright[:_SHOWN]) + (", …" if len(result.bright) > _SHOWN else "")
        print(f"warning  {bright_background_warning(f'{len(result.bright)} images ({first})')}")
    if result.previews:
        print(f"{result.previews} previews drawn of label maps that were kept")
    if measured is not None:
        missing = "no image could be measured, so there is no table"
        print(f"{measured.table}: the cells of {counted(result.measured, 'image')}" if result.measured else missing)
    if result.written + result.kept:
        print(f"cells of each image: hpa count {shlex.quote(str(arguments.out))}")
    if arguments.page and result.written + result.kept:
        _write_page(arguments, images)
    return _exit_code(result.written + result.kept + len(large) - len(failed), len(result.failed) + len(failed))


def _exit_code(done: int, failed: int) -> int:
    return (EXIT_SOME_FAILED if done else EXIT_ALL_FAILED) if failed else 0


def _segment_large(
    arguments: argparse.Namespace, images: FolderImages, segmenter: Segmenter
) -> tuple[list[str], list[Problem]]:
    """Segment the images that are too large to be read whole, with --tile all; return them and those that failed."""
    from hpa.inference.large.large_image import LargeOutput
    from hpa.inference.large.large_images import large_ids, segment_large_images

    large = large_ids(images, arguments.tile is not None)
    if not large:
        return [], []
    measures = _measurements(arguments.overrides) if arguments.measure else None
    output = LargeOutput(arguments.out, arguments.tile, arguments.overlap, measures, arguments.overwrite)
    failed = segment_large_images(images, large, segmenter, output, print)
    for problem in failed:
        print(f"failed   {problem}")
    for image_id in large:
        images.found.leave_out(image_id)
    return large, failed


def _summary(out: Path, result: SegmentedImages) -> str:
    changed = f", {result.changed} of them changed since" if result.changed else ""
    kept = f"{result.kept} kept" + (f" ({result.kept_cells} cells{changed})" if result.kept else "")
    return f"{out}: {result.written} label maps written ({result.cells} cells), {kept}, {len(result.failed)} failed"


def _write_page(arguments: argparse.Namespace, images: FolderImages) -> None:
    """Write the page of the label maps, of as many images as one holds."""
    from hpa.commands.show import write_cell_page
    from hpa.core.outputs import guarded_outputs
    from hpa.reports.cell_page import MAX_IMAGES
    from hpa.results.label_maps import LabelMapCells

    out: Path = arguments.out / "cells.html"
    found = LabelMapCells(arguments.out, images)
    table = found.table()
    wanted = [image_id for image_id in table.image_ids if image_id in images.image_ids]
    words = [str(arguments.folder), str(arguments.out), *arguments.overrides, "--page"]
    for name in ("channels", "split", "pixel_um", "z", "t", "scene", "bits"):
        value = getattr(arguments, name)
        words += [] if value is None else [f"--{name.replace('_', '-')}", str(value)]
    command = shlex.join(["hpa", "segment", *words])
    with guarded_outputs([out], "segment", overwrite=arguments.overwrite):
        failed = write_cell_page(out, found, table, wanted[:MAX_IMAGES], title=arguments.folder.name, command=command)
    for problem in failed:
        print(f"not on the page: {problem}")
    print(
        f"{out}: {min(len(wanted), MAX_IMAGES) - len(failed)} of {counted(len(wanted), 'image')}; open it in a browser"
    )


def _prepared(arguments: argparse.Namespace, part: dict[str, Any]) -> tuple[FolderImages, Segmenter]:
    """Return the images and their segmenter, channels and pixel sizes decided; print what was decided."""
    from hpa.config import build
    from hpa.core.table_text import table_file
    from hpa.formats.channel_names import parse_names
    from hpa.formats.folder_images import FolderImages
    from hpa.intake.segment_plan import choose_channels, choose_size
    from hpa.sources.typed_listing import IMAGES, INDEX, images_of_split, pixel_sizes_beside

    folder: Path = arguments.folder
    is_imported = table_file(folder / INDEX).is_file() and (folder / IMAGES).is_dir()
    only = None if arguments.split is None else images_of_split(folder, arguments.split)
    names = None if arguments.channels is None else parse_names(arguments.channels)
    sizes_um = pixel_sizes_beside(folder) if arguments.pixel_um is None else arguments.pixel_um
    choice = stack_choice(arguments)

    def opened(wanted: Sequence[str]) -> FolderImages:
        return FolderImages(folder / IMAGES if is_imported else folder, wanted, names, sizes_um or None, only, choice)

    segmenter, images, notes = choose_channels(opened, part, arguments.overrides)
    notes.append(choose_size(images, part, lambda: build(_part([NUCLEUS_SEGMENTER])), arguments.out))
    print("\n".join(notes))
    return images, segmenter


def _draw(field: Field, label_map: Int32[np.ndarray, "height width"] | None) -> UInt8[np.ndarray, "height width 3"]:
    """Return the picture of a field, its cells outlined where they are given."""
    from hpa.reports.class_styles import PLAIN
    from hpa.reports.pictures import composite, outline

    names = [channel for channel in field.channels if not np.array_equal(field.plane(channel), field.pixels[0])]
    pixels = field.pixels.astype(np.float32) / np.float32(np.iinfo(field.pixels.dtype).max)
    # a grey image stands for all channels: shown once, in grey
    picture = composite(pixels, field.channels) if names else composite(pixels[:1], ("grey",))
    return picture if label_map is None else outline(picture, label_map, PLAIN)


def _measurements(overrides: list[str]) -> CellMeasures:
    """Return what is measured: as of also=cells, with the values that are given.

    Raises:
        InputError: If an override does not fit.
    """
    from hpa.config import build
    from hpa.suggestions import compose_slot

    values = [word for word in overrides if word.startswith(_MEASUREMENTS)]
    also = compose_slot(project_folder(), "infer", "also", ["also=cells", *values])
    return build((also or {})["cells"]["measurements"])


def _part(overrides: list[str]) -> dict[str, Any]:
    """Return the settings of the segmenter that is named, else of that of the run that is named, else the default's.

    Raises:
        InputError: If an override does not fit.
    """
    from hpa.models.saved_run import read_saved_run
    from hpa.overrides import with_values
    from hpa.suggestions import compose_slot

    root = project_folder()
    runs = [word.removeprefix("ckpt=") for word in overrides if word.startswith("ckpt=")]
    is_named = any(word.startswith(("segmenter=", "experiments=")) for word in overrides)
    if runs and not is_named:
        run = read_saved_run(runs[-1])
        values = [word for word in overrides if not word.startswith("ckpt=")]
        part = with_values({"segmenter": run.settings("segmenter")}, values, root / "conf")["segmenter"]
        if not run.is_own:
            require_no_paths(part, "segmenter", run.path, frozenset(word.partition("=")[0] for word in values))
        return part
    part = compose_slot(root, "infer", "segmenter", overrides if is_named else [DEFAULT_SEGMENTER, *overrides])
    if part is None:
        raise InputError(f"no segmenter is chosen; write {DEFAULT_SEGMENTER}, or another file of conf/segmenter.")
    return part
