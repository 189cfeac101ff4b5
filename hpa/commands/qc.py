"""`hpa qc`: images of a folder to check by eye before training."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from hpa.core.counts import counted
from hpa.core.errors import InputError
from hpa.core.outputs import check_outputs, guarded_outputs, require_page_name
from hpa.core.project_folder import project_folder
from hpa.intake.stack_options import add_stack_options, stack_choice
from hpa.sources.quality_column import LEAVE_OUT, QUALITY, USE, read_decisions, write_decisions

if TYPE_CHECKING:
    from hpa.formats.folder_images import FolderImages
    from hpa.formats.image_header import StackChoice
    from hpa.intake.quality_control import QualityLimits

HELP = "find images that are out of focus, saturated, unevenly lit, dirty, empty, duplicated, or of mismatched channels"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("folder", metavar="DIR", type=Path, help="folder of images, or what hpa import wrote")
    parser.add_argument("overrides", nargs="*", help="limits of conf/qc.yaml: limits.max_saturated_share=0.1")
    parser.add_argument(
        "--out", metavar="PAGE.html", type=Path, default=Path("qc.html"), help="page of pictures; PAGE.csv beside it"
    )
    parser.add_argument(
        "--use", metavar="ID", action="append", default=[], help="keep an image, whatever its measures are; repeatable"
    )
    parser.add_argument(
        "--leave-out", metavar="ID", action="append", default=[], help="take an image from training; repeatable"
    )
    parser.add_argument("--undecided", metavar="ID", action="append", default=[], help="take a decision back")
    parser.add_argument("--channels", metavar="A,B", help="channels to look at (all that an image holds)")
    parser.add_argument("--overwrite", action="store_true", help="write over a page or table that is not ours")
    add_stack_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Judge, write page and table, print a summary, and return 0; or write decisions into index.csv."""
    index = arguments.folder / "index.csv"
    decided = _decisions(arguments)
    if decided:
        write_decisions(index, decided)
        print(f"{index}: column {QUALITY} of {counted(len(decided), 'image')} is written; train.py obeys it")
        return 0
    from hpa.formats.folder_files import describe_passed_over
    from hpa.intake.quality_control import judge_images
    from hpa.reports.quality_page import write_quality_page, write_quality_table

    limits = _limits(arguments.overrides)
    require_page_name(arguments.out)
    outputs = [arguments.out, arguments.out.with_suffix(".csv")]
    inputs = [arguments.folder, arguments.folder / "images", arguments.folder / "index.csv"]
    check_outputs(outputs, "qc", inputs=inputs, overwrite=arguments.overwrite)  # before the images are measured
    images = _images(arguments.folder, arguments.channels, stack_choice(arguments))
    for line in describe_passed_over(images.passed_over):
        print(line)
    with tqdm(total=len(images.image_ids), unit="image", leave=False, disable=not sys.stderr.isatty()) as bar:
        found = judge_images(images.image_ids, images.read, limits, bar.update)
    with guarded_outputs(outputs, "qc", overwrite=arguments.overwrite):
        decisions = read_decisions(index)
        write_quality_table(outputs[1], found, decisions)
        write_quality_page(
            outputs[0], str(arguments.folder), found, images.read, decisions if index.is_file() else None
        )
    found = [quality for quality in found if quality.image_id not in decisions]
    faults = Counter(fault for quality in found for fault in quality.reasons)
    counts = ", ".join(f"{fault} {count}" for fault, count in faults.most_common()) or "nothing"
    suspicious = sum(bool(quality.reasons) for quality in found)
    overruled = f"; {len(decisions)} decided by a person" if decisions else ""
    print(f"{counted(len(images.image_ids), 'image')}, {suspicious} suspicious: {counts}{overruled}")
    print(f"{arguments.out} shows them; {arguments.out.with_suffix('.csv')} holds all measures")
    return 0


def _decisions(arguments: argparse.Namespace) -> dict[str, str]:
    """Return the decisions of the command line by image.

    Raises:
        InputError: If there are two of one image.
    """
    given = [(name, USE) for name in arguments.use] + [(name, LEAVE_OUT) for name in arguments.leave_out]
    given += [(name, "") for name in arguments.undecided]
    if twice := [name for name, count in Counter(name for name, _ in set(given)).items() if count > 1]:
        raise InputError(f"{twice[0]}: two decisions came; give one of --use, --leave-out, --undecided.")
    return dict(given)


def _images(folder: Path, channels: str | None, choice: StackChoice) -> FolderImages:
    from hpa.core.table_text import table_file
    from hpa.formats.folder_images import FolderImages

    imported = table_file(folder / "index.csv").is_file() and (folder / "images").is_dir()
    wanted = () if channels is None else tuple(channels.split(","))
    # nothing that is judged depends on the size of a pixel
    return FolderImages(folder / "images" if imported else folder, wanted, None, 1.0, choice=choice)


def _limits(overrides: list[str]) -> QualityLimits:
    from hpa.config import build, plain
    from hpa.suggestions import compose_or_suggest

    root = project_folder()
    limits: QualityLimits = build(plain(compose_or_suggest(root, "qc", overrides))["limits"])
    return limits
