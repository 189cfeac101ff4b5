"""Options of all commands that read images: what is taken of stacks and of files of several scenes."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING

from hpa.core.field import MICROSCOPE_UM

if TYPE_CHECKING:
    from hpa.formats.image_header import StackChoice


def pixel_um(text: str) -> float:
    """Return the side of a pixel, µm, of a word of a command line.

    Raises:
        argparse.ArgumentTypeError: If no microscope has such pixels.
    """
    low, high = MICROSCOPE_UM
    try:
        side = float(text)
    except ValueError:
        side = math.nan
    if not low <= side <= high:
        raise argparse.ArgumentTypeError(
            f"{text}: the side of a pixel in µm is expected, {low:g} to {high:g}, e.g. 0.325"
        )
    return side


def add_stack_options(parser: argparse.ArgumentParser) -> None:
    """Add --z, --t, --scene and --bits."""
    parser.add_argument("--z", metavar="max|middle|N", help="slice of z-stacks, or their maximum (stacks are refused)")
    parser.add_argument("--t", metavar="N", help="time point of time series, from 1 (they are refused)")
    parser.add_argument("--scene", metavar="N|all", help="scene of files of several, from 1, or every scene an image")
    parser.add_argument("--bits", metavar="N", help="bits that levels use in 16-bit files, e.g. 12 (as headers say)")


def stack_choice(arguments: argparse.Namespace) -> StackChoice:
    """Return what the options choose.

    Raises:
        InputError: If a word is none of those allowed.
    """
    from hpa.formats.image_header import StackChoice

    return StackChoice.of(arguments.z, arguments.t, arguments.scene, arguments.bits)
