"""`hpa show`: the cells of a submission on their images, as one page for a browser."""

from __future__ import annotations

import argparse
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import hpa
from hpa.core.errors import InputError
from hpa.core.outputs import check_outputs, guarded_outputs

if TYPE_CHECKING:
    from hpa.core.submission_table import TableRow
    from hpa.interfaces import ImageSource, Split
    from hpa.reports.cell_page import ShownImage

HELP = "look at cells with their predicted classes in a browser: one page that needs no network"
EXIT_SOME_FAILED = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("submission", metavar="SUBMISSION.csv", type=Path, help="what infer.py wrote")
    parser.add_argument("overrides", nargs="*", help="the images, as of infer.py: data.root=DIR (data=kaggle_hpa)")
    parser.add_argument("--out", metavar="PAGE.html", type=Path, default=Path("cells.html"), help="the page")
    parser.add_argument("--images", metavar="ID,ID", help="only these images")
    parser.add_argument("--truth", metavar="TRUTH.csv", type=Path, help="true classes of cells, shown beside")
    parser.add_argument("--overwrite", action="store_true", help="write over a page that this command did not make")


def run(arguments: argparse.Namespace) -> int:
    """Write the page; return 0, or 3 if some images could not be shown.

    Raises:
        InputError: If the submission or all images cannot be read, or there are too many images for a page.
    """
    from hpa.core.submission_table import PREDICTION_COLUMN, read_table
    from hpa.reports.cell_page import MAX_IMAGES, CellPage
    from hpa.sources.cell_truth import CellTruth

    out: Path = arguments.out
    if out.suffix.lower() != ".html":
        raise InputError(f"--out {out}: a name that ends in .html is expected.")
    inputs = [arguments.submission, *([arguments.truth] if arguments.truth else [])]
    check_outputs([out], "show", inputs=inputs, overwrite=arguments.overwrite)
    rows = _chosen(read_table(arguments.submission, PREDICTION_COLUMN), arguments.images)
    if len(rows) > MAX_IMAGES:
        raise InputError(f"{len(rows)} images, a page shows at most {MAX_IMAGES}; choose some with --images ID,ID.")
    source = _source(arguments.overrides)
    truth = None if arguments.truth is None else CellTruth(arguments.truth, source.class_names)
    words = ["hpa", "show", str(arguments.submission), *arguments.overrides]
    page = CellPage(arguments.submission.name, shlex.join(words), source.class_names)
    failed = []
    for row in rows:
        try:
            page.add(_image(source, row, truth))
        except InputError as error:
            failed.append(f"{row.image_id}: {error}")
    for problem in failed:
        print(f"failed   {problem}")
    if len(failed) == len(rows):
        raise InputError("no image can be shown; give the folder that the submission was predicted from: data.root=DIR")
    with guarded_outputs([out], "show", inputs=inputs, overwrite=arguments.overwrite):
        page.write(out)
    print(f"{out}: {len(rows) - len(failed)} images, {out.stat().st_size / 1e6:.1f} MB; open it in a browser")
    return EXIT_SOME_FAILED if failed else 0


def _chosen(rows: list[TableRow], images: str | None) -> list[TableRow]:
    if images is None:
        return rows
    wanted = images.split(",")
    missing = sorted(set(wanted) - {row.image_id for row in rows})
    if missing:
        raise InputError(f"--images {missing[0]}: the submission has no such image.")
    return [row for row in rows if row.image_id in wanted]


def _source(overrides: list[str]) -> ImageSource:
    from hpa.config import build
    from hpa.overrides import compose_slot

    root = Path(os.environ.get("HPA_ROOT", Path(hpa.__file__).resolve().parents[1])).resolve()
    words = overrides if any(word.startswith("data=") for word in overrides) else ["data=kaggle_hpa", *overrides]
    source: ImageSource = build(compose_slot(root, "infer", "data", words) or {})
    return source


def _image(source: ImageSource, row: TableRow, truth: object) -> ShownImage:
    """Return an image with the cells of its row, each mask once."""
    from hpa.core.encoding import decode_mask
    from hpa.core.submission import parse_prediction
    from hpa.reports.cell_page import ShownImage
    from hpa.sources.cell_truth import CellTruth

    found = parse_prediction(row.text)
    unknown = [int(index) for index in found.classes if not 0 <= index < len(source.class_names)]
    if unknown:
        raise InputError(f"class {unknown[0]} is unknown; the classes are 0 to {len(source.class_names) - 1}.")
    texts = list(dict.fromkeys(found.masks))
    number_of = {text: number for number, text in enumerate(texts)}
    confidences = np.full((len(texts), len(source.class_names)), np.nan)
    confidences[[number_of[text] for text in found.masks], found.classes] = found.confidences
    masks = [decode_mask(text, row.height, row.width) for text in texts]
    field = source.read(row.image_id, _split_of(source, row.image_id))
    targets = None
    if isinstance(truth, CellTruth) and masks:
        targets = np.full_like(confidences, np.nan)
        for number, mask in enumerate(masks):  # one by one: masks of a submission may overlap
            targets[number] = truth.targets_for(mask.astype(np.int32), row.image_id)
    return ShownImage(field, masks, confidences, targets)


def _split_of(source: ImageSource, image_id: str) -> Split:
    """Return where the source finds an image: the test split unless only the training split has it."""
    try:
        source.identity(image_id, "test")
    except InputError:
        return "train"
    return "test"
