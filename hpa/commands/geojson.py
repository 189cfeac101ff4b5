"""`hpa geojson`: label maps to GeoJSON for QuPath, and back with its corrections."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from hpa.core.errors import InputError
from hpa.core.file_names import require_distinct
from hpa.core.outputs import guarded_outputs

if TYPE_CHECKING:
    from hpa.sources.cell_classes import CellClasses

HELP = "label maps to GeoJSON for QuPath, and back with what was corrected there"
SUFFIX = ".geojson"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    actions = parser.add_subparsers(dest="action", metavar="export|load", required=True)
    export = actions.add_parser("export", help="write a folder of label maps as one GeoJSON file an image")
    export.add_argument("folder", metavar="LABEL_MAPS", type=Path, help="folder of label maps (.png, .tif)")
    export.add_argument("out", metavar="OUT", type=Path, help="folder to write <ID>.geojson to")
    export.add_argument(
        "--classes", metavar="FILE", type=Path, help="CSV with ID,class (all cells of an image) or ID,cell,class"
    )
    export.add_argument("--overwrite", action="store_true", help="write over files that this command did not make")
    load = actions.add_parser("load", help="write GeoJSON files as label maps, and classes.csv beside them")
    load.add_argument("folder", metavar="GEOJSON", type=Path, help="folder of <ID>.geojson, as QuPath exports them")
    load.add_argument("out", metavar="OUT", type=Path, help="folder to write label maps to")
    size = load.add_mutually_exclusive_group(required=True)
    size.add_argument("--like", metavar="LABEL_MAPS", type=Path, help="label maps of the same images, for their sizes")
    size.add_argument("--size", metavar="WIDTHxHEIGHT", help="of all images in px, e.g. 2048x2048")
    load.add_argument("--overwrite", action="store_true", help="write over files that this command did not make")


def run(arguments: argparse.Namespace) -> int:
    """Convert, print a summary, and return 0."""
    return _export(arguments) if arguments.action == "export" else _load(arguments)


def _export(arguments: argparse.Namespace) -> int:
    from hpa.core.label_map import relabel
    from hpa.core.whole_file import whole_file
    from hpa.formats.geojson_file import UNCLASSIFIED, features_of, text_of
    from hpa.formats.label_maps import label_map_paths, read_label_map
    from hpa.sources.cell_classes import read_cell_classes

    classes: CellClasses | None = None if arguments.classes is None else read_cell_classes(arguments.classes)
    paths = label_map_paths(arguments.folder)
    outputs = {name: arguments.out / f"{name}{SUFFIX}" for name in paths}
    count = 0
    with guarded_outputs(outputs.values(), "geojson export", inputs=[arguments.folder], overwrite=arguments.overwrite):
        for name, path in paths.items():
            cells = relabel(read_label_map(path))
            numbers = list(range(1, int(cells.max(initial=0)) + 1))
            names = [UNCLASSIFIED] * len(numbers) if classes is None else classes.of(name, numbers)
            with whole_file(outputs[name]) as file:
                file.write(text_of(features_of(cells, None, name, names, [{} for _ in numbers])))
            count += len(numbers)
    print(f"{arguments.out}: {len(paths)} files, {count} cells")
    return 0


def _load(arguments: argparse.Namespace) -> int:
    from hpa.formats.geojson_file import label_map_of, read_cells
    from hpa.formats.label_maps import write_label_map
    from hpa.sources.cell_classes import write_cell_classes

    files = {path.stem: path for path in sorted(arguments.folder.glob(f"*{SUFFIX}"))}
    if not files:
        raise InputError(f"{arguments.folder}: holds no {SUFFIX} file; in QuPath: File > Export objects as GeoJSON.")
    require_distinct(files)
    sizes = _sizes(arguments, list(files))
    table = arguments.out / "classes.csv"
    outputs = [*(arguments.out / f"{name}.tif" for name in files), table]
    rows: list[tuple[str, int, str]] = []
    with guarded_outputs(outputs, "geojson load", inputs=[arguments.folder], overwrite=arguments.overwrite):
        for name, path in files.items():
            try:
                label_map, names, shared_px = label_map_of(read_cells(path), *sizes[name])
            except InputError as error:
                raise InputError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from error
            if shared_px:
                print(f"{name}: cells overlap, {shared_px} px given to the later one")
            write_label_map(arguments.out / f"{name}.tif", label_map)
            rows += [(name, number, class_name) for number, class_name in enumerate(names, start=1)]
        write_cell_classes(table, rows)
    print(f"{arguments.out}: {len(files)} label maps, {len(rows)} cells; their classes stand in classes.csv")
    return 0


def _sizes(arguments: argparse.Namespace, names: list[str]) -> dict[str, tuple[int, int]]:
    """Return height and width of each image."""
    from hpa.formats.label_maps import label_map_paths, read_label_map

    if arguments.like is None:
        width, _, height = arguments.size.partition("x")
        if not (width.isdecimal() and height.isdecimal() and 0 < int(width) < 10**6 and 0 < int(height) < 10**6):
            raise InputError(f"--size {arguments.size}: width and height in px are expected, e.g. 2048x2048.")
        return dict.fromkeys(names, (int(height), int(width)))
    paths = label_map_paths(arguments.like)
    if missing := [name for name in names if name not in paths]:
        raise InputError(f"{arguments.like}: holds no label map of {missing[0]}; give --size instead.")
    return {name: read_label_map(paths[name]).shape for name in names}
