"""`hpa show`: the cells of a submission on their images, as one page for a browser."""

from __future__ import annotations

import argparse
import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hpa.core.errors import InputError
from hpa.core.outputs import check_outputs, guarded_outputs
from hpa.core.project_folder import project_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hpa.core.submission_table import TableRow
    from hpa.formats.folder_images import FolderImages
    from hpa.interfaces import ImageSource, Split
    from hpa.reports.cell_page import ShownImage
    from hpa.sources.cell_classes import CellClasses

HELP = "look at cells with their predicted classes in a browser: one page that needs no network"
EXIT_SOME_FAILED = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "submission", metavar="SUBMISSION.csv|LABEL_MAPS", type=Path, help="of infer.py, or hpa segment"
    )
    parser.add_argument("overrides", nargs="*", help="the images: data.root=DIR (of a submission: data=kaggle_hpa)")
    parser.add_argument("--out", metavar="PAGE.html", type=Path, default=Path("cells.html"), help="the page")
    parser.add_argument("--images", metavar="ID,ID", help="only these images")
    parser.add_argument("--truth", metavar="TRUTH.csv", type=Path, help="true classes of cells, shown beside")
    parser.add_argument("--overwrite", action="store_true", help="write over a page that this command did not make")


def run(arguments: argparse.Namespace) -> int:
    """Write the page; return 0, or 3 if some images could not be shown.

    Raises:
        InputError: If the submission or all images cannot be read, or there are too many images for a page.
    """
    from hpa.reports.cell_page import MAX_IMAGES, CellPage

    out: Path = arguments.out
    if out.suffix.lower() != ".html":
        raise InputError(f"--out {out}: a name that ends in .html is expected.")
    inputs = [arguments.submission, *([arguments.truth] if arguments.truth else [])]
    check_outputs([out], "show", inputs=inputs, overwrite=arguments.overwrite)
    class_names, makers = _makers(arguments)
    if len(makers) > MAX_IMAGES:
        raise InputError(f"{len(makers)} images, a page shows at most {MAX_IMAGES}; choose some with --images ID,ID.")
    words = ["hpa", "show", str(arguments.submission), *arguments.overrides]
    page = CellPage(arguments.submission.name, shlex.join(words), class_names)
    failed = []
    for image_id, make in makers.items():
        try:
            page.add(make())
        except InputError as error:
            failed.append(f"{image_id}: {error}")
    for problem in failed:
        print(f"failed   {problem}")
    if len(failed) == len(makers):
        raise InputError("no image can be shown; give the folder of the images that cells were found in: data.root=DIR")
    with guarded_outputs([out], "show", inputs=inputs, overwrite=arguments.overwrite):
        page.write(out)
    print(f"{out}: {len(makers) - len(failed)} images, {out.stat().st_size / 1e6:.1f} MB; open it in a browser")
    return EXIT_SOME_FAILED if failed else 0


def _makers(arguments: argparse.Namespace) -> tuple[Sequence[str], dict[str, Callable[[], ShownImage]]]:
    """Return the names of the classes, and what reads each image with its cells."""
    from hpa.core.submission_table import PREDICTION_COLUMN, read_table
    from hpa.sources.cell_truth import CellTruth

    if arguments.submission.is_dir():
        names, makers = _of_label_maps(arguments.submission, arguments.overrides)
        return names, _chosen(makers, arguments.images)
    rows = read_table(arguments.submission, PREDICTION_COLUMN)
    source = _source(arguments.overrides)
    truth = None if arguments.truth is None else CellTruth(arguments.truth, source.class_names)
    found: dict[str, Callable[[], ShownImage]] = {row.image_id: partial(_image, source, row, truth) for row in rows}
    return source.class_names, _chosen(found, arguments.images)


def _chosen(makers: dict[str, Callable[[], ShownImage]], images: str | None) -> dict[str, Callable[[], ShownImage]]:
    if images is None:
        return makers
    wanted = images.split(",")
    missing = sorted(set(wanted) - set(makers))
    if missing:
        raise InputError(f"--images {missing[0]}: there is no such image.")
    return {image_id: make for image_id, make in makers.items() if image_id in wanted}


def _of_label_maps(folder: Path, overrides: list[str]) -> tuple[Sequence[str], dict[str, Callable[[], ShownImage]]]:
    """Return the same of a folder of label maps, with the classes of its classes.csv where there is one."""
    from hpa.formats.folder_images import FolderImages
    from hpa.formats.label_maps import label_map_paths
    from hpa.sources.cell_classes import FILE_NAME, CellClasses, read_cell_classes

    roots = [word.removeprefix("data.root=") for word in overrides if word.startswith("data.root=")]
    if len(roots) != 1 or len(overrides) != 1:
        raise InputError(f"{folder} holds label maps: give their images, and nothing else, as data.root=DIR.")
    root = Path(roots[0])
    images = FolderImages(root / "images" if (root / "images").is_dir() else root, (), None, 1.0)
    table = folder / FILE_NAME
    classes = read_cell_classes(table) if table.is_file() else CellClasses(table, {}, {})
    paths = label_map_paths(folder)
    return classes.names, {key: partial(_labeled, images, key, path, classes) for key, path in paths.items()}


def _labeled(images: FolderImages, image_id: str, path: Path, classes: CellClasses) -> ShownImage:
    """Return an image with the cells of its label map."""
    from hpa.core.label_map import labels_of
    from hpa.formats.label_maps import read_label_map
    from hpa.reports.cell_page import ShownImage

    label_map = read_label_map(path)
    numbers = [int(number) for number in labels_of(label_map)]
    confidences = np.full((len(numbers), len(classes.names)), np.nan)
    for row, number in enumerate(numbers):
        name = classes.of_cell.get((image_id, number), classes.of_image.get(image_id))
        if name is not None:  # without a score the class is given, not predicted
            confidences[row, classes.names.index(name)] = classes.score_of.get((image_id, number), 1.0)
    masks = (label_map == number for number in numbers)
    return ShownImage(images.read(image_id), masks, confidences, numbers=numbers)


def _source(overrides: list[str]) -> ImageSource:
    from hpa.config import build
    from hpa.overrides import compose_slot

    root = project_folder()
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
    masks = partial(decode_mask, height=row.height, width=row.width)
    field = source.read(row.image_id, _split_of(source, row.image_id))
    targets = None
    if isinstance(truth, CellTruth) and texts:
        targets = np.full_like(confidences, np.nan)
        for number, mask in enumerate(map(masks, texts)):  # one by one: masks of a submission may overlap
            targets[number] = truth.targets_for(mask.astype(np.int32), row.image_id)
    return ShownImage(field, map(masks, texts), confidences, targets)


def _split_of(source: ImageSource, image_id: str) -> Split:
    """Return where the source finds an image: the test split unless only the training split has it."""
    try:
        source.identity(image_id, "test")
    except InputError:
        return "train"
    return "test"
