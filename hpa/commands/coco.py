"""`hpa coco`: label maps to COCO instances, and back."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hpa.core.errors import InputError
from hpa.core.outputs import check_outputs, guarded_outputs

if TYPE_CHECKING:
    from hpa.formats.coco_file import CocoImage, LabelledImage
    from hpa.sources.cell_classes import CellClasses

HELP = "label maps to a COCO instances file, and back"
ONLY_CLASS = "cell"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    actions = parser.add_subparsers(dest="action", metavar="export|load", required=True)
    export = actions.add_parser("export", help="write a folder of label maps as COCO instances")
    export.add_argument("folder", metavar="LABEL_MAPS", type=Path, help="folder of label maps (.png, .tif)")
    export.add_argument("file", metavar="OUT.json", type=Path, help="file to write")
    export.add_argument(
        "--classes", metavar="FILE", type=Path, help="CSV with ID,class (all cells of an image) or ID,cell,class"
    )
    export.add_argument(
        "--split", metavar="A:B[:C]", help="write OUT_train.json, OUT_validate.json, OUT_test.json in these shares"
    )
    export.add_argument(
        "--groups", metavar="FILE", type=Path, help="CSV with ID,group (plate, well): a group never straddles parts"
    )
    export.add_argument("--seed", metavar="K", type=int, default=0, help="of the split (0)")
    export.add_argument("--overwrite", action="store_true", help="write over a file that this command did not make")
    load = actions.add_parser("load", help="write COCO instances as label maps, and classes.csv beside them")
    load.add_argument("file", metavar="FILE.json", type=Path, help="COCO instances: run lengths or polygons")
    load.add_argument("folder", metavar="OUT", type=Path, help="folder to write label maps to")
    load.add_argument("--overwrite", action="store_true", help="write over files that this command did not make")


def run(arguments: argparse.Namespace) -> int:
    """Convert, print a summary, and return 0."""
    if arguments.action == "export":
        return _export(arguments)
    return _load(arguments.file, arguments.folder, arguments.overwrite)


def _export(arguments: argparse.Namespace) -> int:
    from hpa.formats.coco_file import write_coco
    from hpa.formats.label_maps import label_map_paths
    from hpa.sources.cell_classes import read_cell_classes

    table: Path | None = arguments.classes
    classes = None if table is None else read_cell_classes(table)
    paths = label_map_paths(arguments.folder)
    if classes is not None:
        _require_maps(table, classes, paths, arguments.folder)
        left_out = [name for name in paths if name in classes.unlabeled]
        paths = {name: path for name, path in paths.items() if name not in classes.unlabeled}
        if left_out:
            print(f"{len(left_out)} images left out, {table} has no single class for them: {left_out[0]}, …")
    names = [ONLY_CLASS] if classes is None else classes.names
    parts = _parts(arguments, list(paths), classes)
    inputs = [arguments.folder, *(file for file in (table, arguments.groups) if file is not None)]
    check_outputs(parts, "coco export", inputs=inputs, overwrite=arguments.overwrite)
    for file, chosen in parts.items():
        with guarded_outputs([file], "coco export", overwrite=arguments.overwrite):
            count = write_coco(file, _labelled({name: paths[name] for name in chosen}, classes), names)
        print(f"{file}: {len(chosen)} images, {count} cells, classes {', '.join(names)}")
    return 0


def _require_maps(table: Path | None, classes: CellClasses, paths: dict[str, Path], folder: Path) -> None:
    """Refuse classes of cells without a label map; rows for whole images may be of images without one."""
    missing = sorted({image for image, _ in classes.of_cell} - set(paths))
    if missing:
        raise InputError(
            f"{table}: lists cells of {len(missing)} images without a label map in {folder}: {missing[0]}."
        )


def _parts(arguments: argparse.Namespace, names: list[str], classes: CellClasses | None) -> dict[Path, list[str]]:
    """Return the file of each part, and its images; all images go to one file without --split."""
    from hpa.sources.coco_split import groups_of, split_images

    file: Path = arguments.file
    if arguments.split is None:
        return {file: names}
    shares = [int(share) if share.isdecimal() and len(share) < 10 else 0 for share in arguments.split.split(":")]
    groups = names if arguments.groups is None else groups_of(arguments.groups, names)
    if arguments.groups is None:
        print("--groups is not given: every image is taken for a group of its own")
    kinds = [ONLY_CLASS if classes is None else classes.of_image.get(name, "") for name in names]
    parts = split_images(names, kinds, groups, shares, arguments.seed)
    return {file.with_name(f"{file.stem}_{part}{file.suffix}"): chosen for part, chosen in parts.items()}


def _labelled(paths: dict[str, Path], classes: CellClasses | None) -> Iterator[LabelledImage]:
    from hpa.core.label_map import labels_of
    from hpa.formats.coco_file import LabelledImage
    from hpa.formats.label_maps import read_instances

    for name, path in paths.items():
        label_map = read_instances(path)
        try:
            cells = labels_of(label_map).tolist()
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        names = [ONLY_CLASS] * len(cells) if classes is None else classes.of(name, cells)
        yield LabelledImage(path.name, label_map, names, None if classes is None else classes.scores(name, cells))


def _load(file: Path, folder: Path, overwrite: bool) -> int:
    from hpa.formats.coco_file import read_coco
    from hpa.sources.cell_classes import write_cell_classes

    images = read_coco(file)
    table = folder / "classes.csv"
    outputs = [*(folder / f"{image.name}.tif" for image in images), table]
    with guarded_outputs(outputs, "coco load", inputs=[file], overwrite=overwrite):
        rows = [row for image in images for row in _write(image, file, folder)]
        write_cell_classes(table, rows)
    print(f"{folder}: {len(images)} label maps, {len(rows)} cells; their classes stand in classes.csv")
    return 0


def _write(image: CocoImage, file: Path, folder: Path) -> list[tuple[str, int, str]]:
    """Write the label map of an image, print what was lost, and return image, number and class of its cells."""
    from hpa.core.coco import paint
    from hpa.core.label_map import relabel
    from hpa.formats.label_maps import write_label_map

    try:
        painted = paint(image.texts, image.height, image.width)
    except InputError as error:
        raise InputError(f"{file}: image {image.name}: {error}") from error
    if painted.shared_px:
        print(f"{image.name}: instances overlap, {painted.shared_px} px given to the smaller one")
    if painted.hidden:
        print(f"{image.name}: {len(painted.hidden)} instances without a pixel of their own left out")
    if image.crowds:
        print(f"{image.name}: {image.crowds} crowd regions left out, they are no single cells")
    write_label_map(folder / f"{image.name}.tif", relabel(painted.label_map))
    kept = [name for number, name in enumerate(image.class_names, start=1) if number not in frozenset(painted.hidden)]
    return [(image.name, number, name) for number, name in enumerate(kept, start=1)]
