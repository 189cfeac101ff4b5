"""`hpa show`: cells on their images, as one page for a browser."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hpa.core.counts import counted
from hpa.core.errors import InputError
from hpa.core.outputs import check_outputs, guarded_outputs, require_page_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hpa.reports.cell_page import ShownImage
    from hpa.results.beside import Beside
    from hpa.results.found_cells import CellTable, FoundCells
    from hpa.results.truth import Truth

HELP = "look at cells with their predicted classes in a browser: one page that needs no network"
EXIT_SOME_FAILED = 3
_DESCRIPTION = """A run shows the cells that it held out; hpa explore shows more images than a page holds, and every
cell of them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = f"{HELP}. {_DESCRIPTION}"
    parser.add_argument(
        "cells",
        metavar="SUBMISSION.csv|FOUND.json|LABEL_MAPS|RUN",
        type=Path,
        help="of infer.py, also=coco, hpa segment, train.py",
    )
    parser.add_argument("overrides", nargs="*", help="the images: data.root=DIR (of a submission: data=kaggle_hpa)")
    parser.add_argument("--out", metavar="PAGE.html", type=Path, default=Path("cells.html"), help="the page")
    parser.add_argument("--images", metavar="ID,ID", help="only these images")
    parser.add_argument(
        "--truth", metavar="TRUTH", type=Path, help="truth.csv, COCO file or label maps of the true cells, drawn beside"
    )
    parser.add_argument(
        "--beside",
        metavar="OTHER",
        type=Path,
        action="append",
        default=[],
        help="another segmentation of the images, drawn beside, with cells matched, split and merged; may be repeated",
    )
    parser.add_argument("--overwrite", action="store_true", help="write over a page that this command did not make")


def run(arguments: argparse.Namespace) -> int:
    """Write the page; return 0, or 3 if some images could not be shown.

    Raises:
        InputError: If the cells or all images cannot be read, or there are too many images for a page.
    """
    from hpa.results.beside import Beside
    from hpa.results.opening import open_cells
    from hpa.results.truth import Truth

    out: Path = arguments.out
    require_page_name(out)
    inputs = [arguments.cells, *([arguments.truth] if arguments.truth else []), *arguments.beside]
    check_outputs([out], "show", inputs=inputs, overwrite=arguments.overwrite)
    found, images = open_cells(arguments.cells, arguments.overrides)
    truth = None if arguments.truth is None else Truth(arguments.truth, found.class_names, images)
    beside = [Beside(path, open_cells(path, arguments.overrides)[0]) for path in arguments.beside]
    table = found.table()
    wanted = _chosen(table.image_ids, arguments.images)
    with guarded_outputs([out], "show", inputs=inputs, overwrite=arguments.overwrite):
        failed = write_cell_page(
            out,
            found,
            table,
            wanted,
            title=arguments.cells.name,
            command=_command(arguments),
            truth=truth,
            beside=beside,
        )
    shown = len(wanted) - len(failed)
    failed += [f"{problem.subject}: {problem.reason}" for problem in table.problems]
    for problem in failed:
        print(f"failed   {problem}")
    print(f"{out}: {counted(shown, 'image')}, {out.stat().st_size / 1e6:.1f} MB; open it in a browser")
    return EXIT_SOME_FAILED if failed else 0


def write_cell_page(
    out: Path,
    found: FoundCells,
    table: CellTable,
    wanted: Sequence[str],
    *,
    title: str,
    command: str,
    truth: Truth | None = None,
    beside: Sequence[Beside] = (),
) -> list[str]:
    """Write the page of some images, and return which could not be shown, and why.

    Raises:
        InputError: If there are too many, or none can be shown.
    """
    from hpa.reports.cell_page import MAX_IMAGES, CellPage

    if len(wanted) > MAX_IMAGES:
        raise InputError(
            f"{len(wanted)} images, a page shows at most {MAX_IMAGES}; choose some with --images ID,ID, or look at all "
            "with hpa explore."
        )
    page = CellPage(title, command, found.class_names, [other.name for other in beside])
    failed = []
    for image_id in wanted:
        try:
            page.add(_shown(found, table, image_id, truth, beside))
        except InputError as error:
            failed.append(f"{image_id}: {error}")
    if len(failed) == len(wanted):
        raise InputError(_nothing_shown(failed, table))
    page.write(out)
    return failed


def _nothing_shown(failed: Sequence[str], table: CellTable) -> str:
    """Say why no image can be shown; that they may lie elsewhere only where they could not be read."""
    if failed:
        return f"no image can be shown ({failed[0]}). Where the images lie elsewhere now, give data.root=DIR."
    if table.problems:
        return f"no image can be shown ({table.problems[0].subject}: {table.problems[0].reason})"
    return "no image can be shown: the file lists none."


def _shown(
    found: FoundCells, table: CellTable, image_id: str, truth: Truth | None, beside: Sequence[Beside]
) -> ShownImage:
    """Return an image with its cells, each mask made when it is drawn."""
    from hpa.reports.cell_page import Outlines, ShownImage

    rows = table.rows_of(table.image_ids.index(image_id))
    field = found.read(image_id)
    true = None if truth is None else truth.of(image_id)
    targets = None if table.targets is None or table.targets_are_of_images else table.targets[rows].astype(np.float64)
    return ShownImage(
        field,
        found.masks(image_id),
        table.confidences[rows].astype(np.float64),
        targets if true is None else true.targets_of(found.masks(image_id)).astype(np.float64),
        table.number[rows].tolist(),
        None if true is None else Outlines(true.masks, [np.flatnonzero(row).tolist() for row in true.targets]),
        [other.of(image_id, found) for other in beside],
    )


def _chosen(image_ids: Sequence[str], images: str | None) -> list[str]:
    if images is None:
        return list(image_ids)
    wanted = images.split(",")
    missing = sorted(set(wanted) - set(image_ids))
    if missing:
        raise InputError(f"--images {missing[0]}: there is no such image.")
    return [image_id for image_id in image_ids if image_id in wanted]


def _command(arguments: argparse.Namespace) -> str:
    """Return the command line that makes the page again."""
    words = ["hpa", "show", str(arguments.cells), *arguments.overrides]
    for name in ("truth", "images", "out"):
        value = getattr(arguments, name)
        words += [] if value is None or (name, str(value)) == ("out", "cells.html") else [f"--{name}", str(value)]
    words += [word for other in arguments.beside for word in ("--beside", str(other))]
    return shlex.join(words)
