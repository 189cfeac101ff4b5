"""`hpa report`: the page of a run again, by this version, or with images that lie elsewhere now."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from hpa.core.counts import counted
from hpa.core.errors import InputError
from hpa.core.outputs import check_outputs, guarded_outputs, require_page_name

HELP = "write the page of a finished run or chain again: scores, lost points, calibration, every held-out image"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "folder", metavar="RUN", type=Path, help="a run of train.py that classifies cells, or a chain of runs"
    )
    parser.add_argument("overrides", nargs="*", help="values of its config that are others now: data.root=DIR")
    parser.add_argument("--out", metavar="PAGE.html", type=Path, help="elsewhere than RUN/report.html")
    parser.add_argument("--overwrite", action="store_true", help="write over a page that this command did not make")


def run(arguments: argparse.Namespace) -> int:
    """Write the page and return 0.

    Raises:
        InputError: If the run or its images cannot be read, or the page is somebody else's.
    """
    from hpa.reports.page import COMMAND, PAGE
    from hpa.reports.run_page import write_run_page
    from hpa.results.run_facts import run_facts
    from hpa.stages.chain_page import STAGES, write_chain_page

    page = arguments.folder / PAGE if arguments.out is None else arguments.out
    require_page_name(page)
    check_outputs([page], COMMAND, overwrite=arguments.overwrite)
    if not any((arguments.folder / name).is_file() for name in (STAGES, "config.yaml")):
        raise InputError(f"{arguments.folder}: the folder of a run or a chain of train.py was expected, there is none.")
    if (arguments.folder / STAGES).is_file():
        with guarded_outputs([page], COMMAND, overwrite=arguments.overwrite):
            write_chain_page(page, arguments.folder, f"hpa report {shlex.quote(str(arguments.folder))}")
        print(f"{page} shows the chain")
        return 0
    if (arguments.folder / "held_out.csv").is_file():
        raise InputError(
            f"{arguments.folder}: this run finds instances or tissue; its page is the report.html that train.py wrote, "
            "hpa report writes those of runs that classify cells."
        )
    facts = run_facts(arguments.folder, arguments.overrides)
    with guarded_outputs([page], COMMAND, overwrite=arguments.overwrite):
        write_run_page(page, facts)
    print(
        f"{page}: {counted(len(facts.cells), 'cell')} of {counted(facts.cells['image_id'].nunique(), 'held-out image')}"
    )
    return 0
