"""`hpa fetch-public`: public images of the Human Protein Atlas as a training set."""

from __future__ import annotations

import argparse
from pathlib import Path
from shlex import quote

HELP = "fetch public images of the Human Protein Atlas into the layout of the competition; goes on where it stopped"
EXIT_SOME_FAILED = 3
_SHOWN = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = (
        "TABLE is the list of public images that teams of the competition shared (kaggle_2021.tsv of the Kaggle data "
        "set lnhtrang/publichpa-withcellline), or one of the same columns. The addresses in it were never tried from "
        "here."
    )
    parser.add_argument("table", metavar="TABLE", type=Path, help="Image, Label, Cellline; Gene, Antibody, in_trainset")
    parser.add_argument("out", metavar="OUT", type=Path, help="folder to write to: train.csv, metadata.csv, train/")
    parser.add_argument("--genes", metavar="A,B", default="", help="genes, where the table names them")
    parser.add_argument("--locations", metavar="A,B", default="", help="classes, or locations as the Atlas calls them")
    parser.add_argument("--cell-lines", metavar="A,B", default="", help="e.g. U-2 OS,HeLa")
    parser.add_argument("--limit", metavar="N", type=int, help="so many images, spread evenly over the table")
    parser.add_argument("--size", metavar="PX", type=int, default=1024, help="longer side, scaled down to (1024)")
    parser.add_argument("--rate", metavar="N", type=float, default=2.0, help="requests a second, at most (2)")
    parser.add_argument("--dry-run", action="store_true", help="count images, disk and time, and fetch nothing")


def run(arguments: argparse.Namespace) -> int:
    """Fetch; return 0, or 3 where some images could not be had."""
    from hpa.app.progress import show_progress
    from hpa.core.errors import InputError
    from hpa.core.override_text import override_text
    from hpa.inference.budget import in_words
    from hpa.published.atlas_images import AtlasFetcher
    from hpa.published.atlas_table import Wanted, select

    if arguments.limit is not None and arguments.limit < 1:
        raise InputError(f"--limit {arguments.limit}: at least one image is expected.")
    genes, locations, cell_lines = map(_names, (arguments.genes, arguments.locations, arguments.cell_lines))
    selection = select(arguments.table, Wanted(genes, locations, cell_lines, arguments.limit))
    fetcher = AtlasFetcher(arguments.out, arguments.size, arguments.rate)
    fetcher.record.require_own_folder()
    for reason, count in selection.left_out.items():
        print(f"{count} {reason} left out")
    left = len(fetcher.missing(selection.frame))
    print(
        f"{len(selection.frame)} images of {selection.frame['antibody'].nunique()} antibodies, {left} to fetch: about "
        f"{fetcher.bytes_needed(left) / 1e9:.2f} GB here, at least {in_words(fetcher.seconds_needed(left))}"
    )
    if arguments.dry_run:
        return 0
    result = fetcher.fetch(selection.frame, show_progress("images", "image"))
    for problem in result.failed[:_SHOWN]:
        print(f"failed   {problem}")
    print(f"{arguments.out}: {result.new} images fetched, {result.before} were there, {len(result.failed)} failed")
    print(f"train on them by: python train.py data=hpa_public {quote(override_text('data.root', arguments.out))}")
    return EXIT_SOME_FAILED if result.failed else 0


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
