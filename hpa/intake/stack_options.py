"""Options of all commands that read images: what is taken of stacks and of files of several scenes."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hpa.formats.image_header import StackChoice


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
