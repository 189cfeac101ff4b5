"""`hpa infer`: what `python infer.py` does, from any folder."""

from __future__ import annotations

import argparse
import sys

from hpa.core.project_folder import project_folder

HELP = "predict a data set with trained runs and write a submission, as python infer.py does"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take all words as they are: hydra reads them."""
    parser.add_argument("words", nargs="*", help="as of infer.py")


def run(arguments: argparse.Namespace) -> int:
    """Predict, and end with the exit code of infer.py."""
    from hpa.app.main import infer_main

    root = project_folder()
    sys.argv = [str(root / "infer.py"), *arguments.words]
    infer_main(root)
    return 0
