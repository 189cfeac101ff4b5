"""`hpa merge`: merge the parts of a sharded run into one submission."""

from __future__ import annotations

import argparse
from pathlib import Path

from hpa.core.outputs import guarded_outputs

HELP = (
    "merge the parts that infer.py wrote with shard=1/n … n/n into one submission; missing or foreign parts are refused"
)
EXIT_NOTHING_USABLE = 1
EXIT_SOME_BLANK = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "parts", metavar="PART", nargs="+", type=Path, help="files that infer.py wrote as out=FILE, one per shard"
    )
    parser.add_argument("--out", metavar="FILE", type=Path, required=True, help="the submission to write")
    parser.add_argument("--overwrite", action="store_true", help="write over a file that this command did not make")


def run(arguments: argparse.Namespace) -> int:
    """Write the submission; return 0, 3 if rows are blank as images failed or time ran out, 1 if all images failed."""
    from hpa.inference.shards import merge_parts
    from hpa.inference.submission_file import fallbacks_path

    outputs = [arguments.out, fallbacks_path(arguments.out)]
    with guarded_outputs(outputs, "merge", inputs=arguments.parts, overwrite=arguments.overwrite):
        merged = merge_parts(arguments.parts, arguments.out)
    for report in merged.reports:
        for problem in report.failed:
            print(f"failed   {problem}")
    print(f"{arguments.out}: {merged.image_count} images from {len(arguments.parts)} parts, {merged.blank_count} blank")
    if merged.all_failed:
        return EXIT_NOTHING_USABLE
    return EXIT_SOME_BLANK if merged.blank_count else 0
