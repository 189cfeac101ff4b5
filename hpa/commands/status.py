"""`hpa status OUT`: how far a run of infer.py is, on however many machines."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

HELP = "show how far a run of infer.py is: images done, running, failed, who works on it, and when it will be done"
_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("out", metavar="OUT", type=Path, help="the out=FILE of the run")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the state; return 0."""
    from hpa.inference.budget import in_words
    from hpa.inference.run_status import run_status

    status = run_status(arguments.out)
    if arguments.json:
        print(json.dumps(asdict(status), indent=1))
        return 0
    share = status.images_done / max(1, status.images)
    print(f"{status.state}: {status.images_done} of {status.images} images ({share:.0%}), {status.objects} objects")
    print(f"blocks: {status.blocks_done} of {status.blocks} done, {status.blocks_running} running")
    if status.eta_s:
        print(f"about {in_words(status.eta_s)} more, at {status.images_per_hour:.0f} images an hour")
    for worker in status.workers[:_SHOWN]:
        print(f"working  {worker}")
    if len(status.workers) > _SHOWN:
        print(f"         … and {len(status.workers) - _SHOWN} more")
    for problem in status.failed[:_SHOWN]:
        print(f"failed   {problem}")
    if len(status.failed) > _SHOWN:
        print(f"         … and {len(status.failed) - _SHOWN} more")
    if status.state == "interrupted":
        print("nobody is working on it; repeat its command to go on")
    return 0
