"""`hpa import`: images of a microscope as images with named channels."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

from tqdm import tqdm

from hpa.core.errors import InputError

HELP = "bring a microscope's images into the layout of data=typed_images"
_PATTERN = """File names are read by --pattern: {image} or other words in braces name an image, {channel} its stain,
{class} the type of its cells (mixed: several types), {plate} and {well} what must share a fold; {_} stands for
anything. Without {channel} a file holds all channels of an image, and --channels names them as the file does, or by
number from 1."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = f"{HELP}. {_PATTERN}"
    parser.add_argument("folder", metavar="DIR", type=Path, help="folder of TIFF, OME-TIFF or PNG files")
    parser.add_argument("out", metavar="OUT", type=Path, help="new or empty folder")
    parser.add_argument("--pattern", metavar="P", help="e.g. '{class}/{well}_{site}_{channel}.tif'")
    parser.add_argument(
        "--channels", metavar="W1=COLOUR,…", required=True, help="e.g. w1=blue,w2=green: nuclei are blue"
    )
    parser.add_argument("--pixel-um", metavar="UM", type=float, help="side of a pixel, µm (read from the files)")


def run(arguments: argparse.Namespace) -> int:
    """Import, print a summary, and return 0."""
    from hpa.intake.importing import find_images, import_images

    pixel_um = arguments.pixel_um
    if pixel_um is not None and not (math.isfinite(pixel_um) and pixel_um > 0):
        raise InputError(f"--pixel-um {pixel_um}: a size above 0 µm is expected.")
    colours = parse_channels(arguments.channels)
    found = find_images(arguments.folder, arguments.pattern, colours)
    with tqdm(total=2 * len(found.images), unit="image", leave=False, disable=not sys.stderr.isatty()) as bar:
        rows = import_images(found, arguments.out, colours, pixel_um, bar.update)
    types = sorted({row.types for row in rows if row.types})
    sizes = sorted({f"{row.pixel_um:.4g} µm" for row in rows if not math.isnan(row.pixel_um)})
    print(
        f"{arguments.out}: {len(rows)} images of {', '.join(colours.values())}; {found.passed_over} files passed over"
    )
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
