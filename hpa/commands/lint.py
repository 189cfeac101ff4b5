"""`hpa lint`: find what is wrong with a submission before it is sent."""

from __future__ import annotations

import argparse
from pathlib import Path

from hpa.metrics.lint import lint_submission

HELP = "find every defect of a submission, with row and remedy"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("submission", type=Path, help="CSV with ID, ImageWidth, ImageHeight, PredictionString")
    parser.add_argument("--sample", type=Path, required=True, help="sample_submission.csv: the images due, their sizes")


def run(arguments: argparse.Namespace) -> int:
    """Print all findings; return 1 if there is a defect, else 0."""
    report = lint_submission(arguments.submission, arguments.sample)
    for problem in report.defects:
        print(f"defect   {problem}")
    for problem in report.warnings:
        print(f"warning  {problem}")
    print(f"{arguments.submission}: {report.rows} rows, {len(report.defects)} defects, {len(report.warnings)} warnings")
    return 1 if report.defects else 0
