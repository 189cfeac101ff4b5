"""`hpa import`: images of a microscope as images with named channels."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

from tqdm import tqdm

from hpa.core.errors import InputError
from hpa.intake.stack_options import add_stack_options, pixel_um, stack_choice

HELP = "bring a microscope's images into the layout of data=typed_images"
_PATTERN = """File names are read by --pattern: {image} or other words in braces name an image, {channel} its stain,
{class} the type of its cells (mixed: several types), {plate} and {well} what must share a fold; {_} stands for
anything. Without {channel} a file holds all channels of an image, and --channels names them as the file does, or by
number from 1. --layout is the pattern of a maker of microscopes, thumbnails left out."""
LAYOUTS = (
    *("imagexpress", "opera", "operetta", "cellvoyager", "leica", "zeiss", "incucyte", "cytation", "micromanager"),
    "metamorph",
)
_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = f"{HELP}. {_PATTERN}"
    parser.add_argument("folder", metavar="DIR", type=Path, help="folder of TIFF, OME-TIFF, OME-Zarr or PNG files")
    parser.add_argument("out", metavar="OUT", type=Path, help="new or empty folder")
    parser.add_argument("--pattern", metavar="P", help="e.g. '{class}/{well}_{site}_{channel}.tif'")
    parser.add_argument("--layout", choices=LAYOUTS, help="names of a maker, instead of --pattern")
    parser.add_argument(
        "--channels", metavar="W1=COLOUR,…", required=True, help="e.g. w1=blue,w2=green: nuclei are blue"
    )
    parser.add_argument("--pixel-um", metavar="UM", type=pixel_um, help="side of a pixel, µm (read from the files)")
    parser.add_argument("--overwrite", action="store_true", help="write into a folder that holds something")
    add_stack_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Import, print a summary, and return 0."""
    from hpa.formats.folder_files import describe_passed_over
    from hpa.intake.finding import find_images
    from hpa.intake.importing import ImportSettings, import_images

    colours = parse_channels(arguments.channels)
    choice = stack_choice(arguments)
    found = find_images(arguments.folder, arguments.pattern, colours, arguments.layout, choice)
    words = {"folder": str(arguments.folder), "pattern": arguments.pattern, "layout": arguments.layout}
    settings = ImportSettings(colours, arguments.pixel_um, choice, words)
    with tqdm(total=2 * len(found.images), unit="image", leave=False, disable=not sys.stderr.isatty()) as bar:
        rows, notes = import_images(found, arguments.out, settings, bar.update, arguments.overwrite)
    types = sorted({row.types for row in rows if row.types})
    sizes = sorted({f"{row.pixel_um:.4g} µm" for row in rows if not math.isnan(row.pixel_um)})
    count = sum(map(len, found.passed_over.values()))
    print(f"{arguments.out}: {len(rows)} images of {', '.join(colours.values())}; {count} files passed over")
    for line in describe_passed_over(found.passed_over):
        print(line)
    for line in [*map(str, found.metadata), *map(str, notes)][:_SHOWN]:
        print(line)
    if (more := len(found.metadata) + len(notes) - _SHOWN) > 0:
        print(f"… and {more} more")
    print(f"types: {', '.join(types) or 'unknown'}; pixel size: {', '.join(sizes) or 'unknown'}")
    unknown = sum(math.isnan(row.pixel_um) for row in rows)
    if unknown:
        print(f"{unknown} images without a known pixel size; give --pixel-um, or write it in index.csv")
    return 0


def parse_channels(text: str) -> dict[str, str]:
    """Return the colour of each channel.

    >>> parse_channels("w1=blue,w2=green")
    {'w1': 'blue', 'w2': 'green'}

    Raises:
        InputError: If the text is not so.
    """
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(name.strip() and colour.strip().isidentifier() for name, _, colour in pairs):
        raise InputError(f"--channels {text}: pairs are expected, the microscope's name first: w1=blue,w2=green.")
    named = {name.strip(): colour.strip() for name, _, colour in pairs}
    if len(named) != len(pairs):
        raise InputError(f"--channels {text}: a channel is named twice; each becomes one colour.")
    return named
