"""`hpa eda`: what a data set holds, as a page, before anything is trained on it."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path

from tqdm import tqdm

from hpa.core.outputs import check_outputs, guarded_outputs, require_page_name

HELP = "explore a data set: classes, levels, sizes, duplicates, bad files, folds; what matters before training first"
_DESCRIPTION = """Any layout that is read (hpa doctor names it), a folder of images, or train.csv alone. Where label
maps lie in DIR/label_maps/train, or are named, cells are counted and drawn."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = f"{HELP}. {_DESCRIPTION}"
    parser.add_argument("where", metavar="DIR", type=Path, help="a data set, a folder of images, or a table of labels")
    parser.add_argument("--out", metavar="PAGE.html", type=Path, help="the page (eda.html in this folder)")
    parser.add_argument("--json", action="store_true", help="print all numbers as JSON; no page unless --out names it")
    parser.add_argument(
        "--metadata", metavar="FILE", type=Path, help="CSV or TSV with more columns (cell line, …), by ID"
    )
    parser.add_argument("--label-maps", metavar="DIR", type=Path, help="label maps of the training images, by ID")
    parser.add_argument("--overwrite", action="store_true", help="write over a page that this command did not make")


def run(arguments: argparse.Namespace) -> int:
    """Explore, print what matters, write the page, and return 0, or 1 where there is no image that can be read."""
    from hpa.intake.data_set.exploration import as_json, explore
    from hpa.intake.data_set.findings import findings_of
    from hpa.intake.data_set.opening import open_data_set
    from hpa.reports.data_set_page import write_data_set_page

    page: Path | None = arguments.out or (None if arguments.json else Path("eda.html"))
    if page is not None:
        require_page_name(page)
        check_outputs([page], "eda", inputs=[arguments.where], overwrite=arguments.overwrite)
    data_set = open_data_set(arguments.where, arguments.metadata, arguments.label_maps)
    with tqdm(unit="image", leave=False, disable=not sys.stderr.isatty()) as bar:

        def advance(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        found = explore(data_set, advance)
    findings = findings_of(found)
    if page is not None:
        with guarded_outputs([page], "eda", overwrite=arguments.overwrite):
            write_data_set_page(page, found, findings, _command(arguments))
    if arguments.json:
        print(json.dumps(as_json(found, [one.text for one in findings]), indent=1, ensure_ascii=False))
    else:
        images = ", ".join(f"{len(table):,} {split}" for split, table in data_set.tables.items())
        print(f"{arguments.where}: {data_set.layout}; images: {images or 'none'}")
        for finding in findings:
            print(f"{finding.kind:<8}  {finding.text}")
        print(f"{page} shows them")
    return 0 if found.images or data_set.reader is None else 1


def _command(arguments: argparse.Namespace) -> str:
    """Return the command line that makes the page again."""
    words = ["hpa", "eda", str(arguments.where)]
    given = {"--metadata": arguments.metadata, "--label-maps": arguments.label_maps, "--out": arguments.out}
    for name, value in given.items():
        words += [] if value is None else [name, str(value)]
    return shlex.join(words)
