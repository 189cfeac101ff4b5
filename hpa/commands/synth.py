"""`hpa synth`: write a synthetic world in the layout of the competition."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path

HELP = "draw a synthetic data set with known truth"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("folder", metavar="OUT", type=Path, help="new or empty folder")
    parser.add_argument("--images", metavar="N", type=int, required=True, help="fields, training and test together")
    parser.add_argument("--size", metavar="S", type=parse_size, required=True, help="px: 512, or HEIGHTxWIDTH")
    parser.add_argument("--seed", metavar="K", type=int, required=True, help="number of the world, 0 or more")
    parser.add_argument("--test-images", metavar="N", type=int, help="how many of them are test (a quarter)")
    parser.add_argument("--workers", metavar="N", type=int, default=_cores(), help="processes (all cores)")


def run(arguments: argparse.Namespace) -> int:
    """Write the world, say how noisy its image labels are, and return 0."""
    from hpa.data.synthetic import write_world  # here: OpenCV is not needed for --help

    write_world(
        arguments.folder,
        images=arguments.images,
        side_px=arguments.size,
        seed=arguments.seed,
        test_images=arguments.test_images,
        workers=arguments.workers,
    )
    print(f"{arguments.folder}: {arguments.images} fields; how noisy their labels are stands in world.json")
    return 0


def parse_size(text: str) -> tuple[int, int]:
    """Return height and width.

    >>> parse_size("512"), parse_size("512x640")
    ((512, 512), (512, 640))
    """
    match = re.fullmatch(r"(\d+)(?:x(\d+))?", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"'{text}' is no size; write 512, or 512x640 for height and width")
    height = int(match[1])
    return height, int(match[2] or height)


def _cores() -> int:
    """Count the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
