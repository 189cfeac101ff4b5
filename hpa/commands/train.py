"""`hpa train`: what `python train.py` does, from any folder."""

from __future__ import annotations

import argparse
import sys

from hpa.core.project_folder import project_folder

HELP = "train a network, go on with a run, or sweep over settings, as python train.py does"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take all words as they are: hydra reads them."""
    parser.add_argument("words", nargs="*", help="as of train.py")


def run(arguments: argparse.Namespace) -> int:
    """Train, and end with the exit code of train.py."""
    from hpa.app.main import train_main

    root = project_folder()
    sys.argv = [str(root / "train.py"), *arguments.words]  # what trainings on several devices start again
    train_main(root)
    return 0
