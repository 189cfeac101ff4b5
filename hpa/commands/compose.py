"""`hpa compose`: write fields of single-cell crops, labelled by image, in the layout of the competition."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hpa.commands.synth import available_cores, parse_size
from hpa.core.channels import CHANNELS
from hpa.core.classes import LOCATIONS
from hpa.core.errors import InputError

if TYPE_CHECKING:
    from hpa.simulation.annotation import AnnotationNoise
    from hpa.simulation.composed import CellLibrary

HELP = "compose labelled fields of single-cell crops whose classes are known"
_CHANNELS_OF_COUNT = {1: ("green",), 3: ("red", "green", "blue"), 4: CHANNELS}
_SHOWN = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "cells",
        metavar="CELLS",
        type=Path,
        help="folder with a folder a class (CLASS/*.png, .tif, .npy; NAME_mask.png beside a crop is its mask), or a "
        "table crop,class",
    )
    parser.add_argument("folder", metavar="OUT", type=Path, help="new or empty folder")
    parser.add_argument("--images", metavar="N", type=int, default=200, help="fields, training and test together (200)")
    parser.add_argument("--size", metavar="S", type=parse_size, default=(512, 512), help="px: 512, or HEIGHTxWIDTH")
    parser.add_argument("--cells-per-field", metavar="A-B", type=parse_range, default=(8, 16), help="such as 8-16")
    parser.add_argument(
        "--classes-per-field", metavar="N", type=int, default=2, help="a field shows 1 to N classes (2)"
    )
    parser.add_argument(
        "--main-share", metavar="P", type=float, default=0.6, help="cells of the main class in mixed fields (0.6)"
    )
    noise = "one rate for all classes, or also of single ones: 0.02,Nucleoli=0.3 (0)"
    parser.add_argument("--miss", metavar="P", default="0", help=f"classes shown but not labelled; {noise}")
    parser.add_argument("--invent", metavar="P", default="0", help=f"classes labelled but not shown; {noise}")
    parser.add_argument(
        "--main-only", metavar="P", type=float, default=0.0, help="images labelled with their main class alone (0)"
    )
    parser.add_argument("--group", metavar="COLUMN", help="column of the table that names the specimen of a crop")
    parser.add_argument(
        "--specimen-pattern",
        metavar="REGEX",
        help="of folders: what names the specimen in a file name; else CLASS/SPECIMEN/* or each crop by itself",
    )
    parser.add_argument(
        "--test-share", metavar="P", type=float, default=0.25, help="cells and fields that test (0.25); by specimen"
    )
    parser.add_argument("--channels", metavar="A,B", help="names of the channels of the crops; one: green")
    parser.add_argument("--feather", metavar="PX", type=float, default=2.0, help="rim that passes into background (2)")
    parser.add_argument("--seed", metavar="K", type=int, default=0, help="another seed gives other fields (0)")
    parser.add_argument("--workers", metavar="N", type=int, default=available_cores(), help="processes (all cores)")


def run(arguments: argparse.Namespace) -> int:
    """Write the data set, print what it holds and how to train on it, and return 0."""
    from hpa.simulation.composed import Composition, write_composed  # here: OpenCV is not needed for --help

    if arguments.folder.resolve().is_relative_to(arguments.cells.resolve()):
        raise InputError(f"{arguments.folder}: lies in the folder of the cells, which is read; name another place.")
    library = _library(arguments)
    channels = _channels(arguments.channels, library.channel_count)
    height, width = arguments.size
    how = Composition(
        height=height,
        width=width,
        cells=arguments.cells_per_field,
        max_classes=arguments.classes_per_field,
        main_share=arguments.main_share,
        feather_px=arguments.feather,
        channels=channels,
        noise=_noise(arguments, library),
        seed=arguments.seed,
    )
    written = write_composed(
        arguments.folder,
        library,
        how,
        images=arguments.images,
        test_share=arguments.test_share,
        workers=arguments.workers,
    )
    cells = ", ".join(f"{count} {split} cells" for split, count in written.cells.items())
    print(f"{arguments.folder}: {arguments.images} fields, {cells}; labels and their noise: world.json")
    if written.without_room:
        print(f"{written.without_room} cells found no room in their fields; larger fields (--size) hold more")
    print(_next_commands(arguments.folder, channels, library))
    return 0


def _next_commands(root: Path, channels: Sequence[str], library: CellLibrary) -> str:
    """Return the commands that train, predict and score on the data set."""
    data = ["data=kaggle_hpa", f"data.root={root}"]
    names = [library.numbers.names.get(number, f"unused {number}") for number in range(len(LOCATIONS))]
    types = [] if library.numbers.are_locations else ["--types", ",".join(names)]
    stored = ["segmenter=stored", f"segmenter.folder={root}/label_maps/"]
    seen = [f"data.channels=[{','.join(channels)}]", f"data.cell_truth={root}/truth_train.csv"]
    commands = [
        ["python", "train.py", *data, *seen, stored[0], f"{stored[1]}train", "run_dir=RUN"],
        ["python", "infer.py", "ckpt=RUN", *data, "split=test", stored[0], f"{stored[1]}test", "out=submission.csv"],
        ["hpa", "score", "submission.csv", f"{root}/truth_test.csv", *types],
    ]
    return "\n".join(map(shlex.join, commands))


def _library(arguments: argparse.Namespace) -> CellLibrary:
    """List and read the crops; files that are none are named."""
    from hpa.simulation.composed import crops_in_folder, crops_in_table, read_library

    if arguments.cells.is_file():
        if arguments.specimen_pattern:
            raise InputError("--specimen-pattern is for folders; of a table, --group names the column of the specimen.")
        listing = crops_in_table(arguments.cells, arguments.group)
    else:
        if arguments.group:
            raise InputError(
                "--group names a column of a table; of folders, write CLASS/SPECIMEN/* or give --specimen-pattern."
            )
        listing = crops_in_folder(arguments.cells, arguments.specimen_pattern)
    if others := [path.name for path in listing.passed_over]:
        shown = ", ".join(others[:_SHOWN]) + (", …" if len(others) > _SHOWN else "")
        print(f"passed over {len(others)} files that are no crops of a class: {shown}", file=sys.stderr)
    return read_library(listing)


def _channels(text: str | None, count: int) -> tuple[str, ...]:
    if text is None and count not in _CHANNELS_OF_COUNT:
        raise InputError(f"the crops have {count} channels; name them, e.g. --channels green,blue.")
    channels = _CHANNELS_OF_COUNT[count] if text is None else tuple(name.strip() for name in text.split(","))
    if len(set(channels)) != len(channels) or not set(channels) <= set(CHANNELS):
        raise InputError(f"--channels {text}: different ones of {', '.join(CHANNELS)} are expected.")
    return channels


def _noise(arguments: argparse.Namespace, library: CellLibrary) -> AnnotationNoise:
    from hpa.simulation.annotation import AnnotationNoise

    numbers = library.numbers.number_of
    return AnnotationNoise(
        _rates("--miss", arguments.miss, numbers), _rates("--invent", arguments.invent, numbers), arguments.main_only
    )


def _rates(option: str, text: str, numbers: dict[str, int]) -> tuple[float, ...]:
    """Return one rate for each number up to the last class; 0 for those that no cell has.

    Raises:
        InputError: If a class is unknown or a rate is no number.
    """
    rates = dict.fromkeys(numbers, 0.0)
    for word in text.split(","):
        name, equals, rate = word.rpartition("=")
        try:
            value = float(rate)
        except ValueError as error:
            raise InputError(
                f"{option} {text}: a rate such as 0.02 or Nucleoli=0.3 is expected, not '{word}'."
            ) from error
        if equals and name.strip() not in numbers:
            raise InputError(f"{option} {text}: there is no class '{name}'; the classes are {', '.join(numbers)}.")
        rates |= {name.strip(): value} if equals else dict.fromkeys(numbers, value)
    row = [0.0] * (1 + max(numbers.values()))
    for name, number in numbers.items():
        row[number] = rates[name]
    return tuple(row)


def parse_range(text: str) -> tuple[int, int]:
    """Return fewest and most.

    >>> parse_range("8-16"), parse_range("12")
    ((8, 16), (12, 12))
    """
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"'{text}' is no range; write 8-16, or 12 for exactly so many")
    return int(match[1]), int(match[2] or match[1])
