"""`hpa count`: the proportion of cell types in a result, against the one that was designed."""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpa.core.errors import InputError

if TYPE_CHECKING:
    from hpa.metrics.mixture import TypeShare

HELP = "count the cells of each type in a result, with intervals, against a designed mixture"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "result",
        metavar="RESULT",
        type=Path,
        help="COCO .json, .cells.parquet, CSV with ID,cell,class, or a submission",
    )
    parser.add_argument("--designed", metavar="A:B", help="parts of each type, in the order of the types, e.g. 50:50")
    parser.add_argument("--types", metavar="A,B", help="the types in order (as the result names them)")
    parser.add_argument("--confidence", metavar="P", type=float, default=0.95, help="of the intervals (0.95)")
    parser.add_argument("--resamples", metavar="N", type=int, default=10_000, help="draws of images (10000)")
    parser.add_argument("--seed", metavar="K", type=int, default=0, help="of the draws (0)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Print the shares and return 0."""
    from hpa.metrics.mixture import shares_of
    from hpa.sources.counted_cells import count_cells

    names = None if arguments.types is None else [name.strip() for name in arguments.types.split(",")]
    counted = count_cells(arguments.result, names)
    designed = None if arguments.designed is None else parse_parts(arguments.designed)
    shares = shares_of(
        counted.counts, counted.names, designed, arguments.confidence, arguments.resamples, arguments.seed
    )
    images = len(counted.image_ids)
    if arguments.json:
        print(json.dumps(_as_json(shares, images, arguments.confidence), indent=1))
    else:
        print(_as_text(shares, images, arguments.confidence))
    return 0


def parse_parts(text: str) -> list[float]:
    """Return the parts of a mixture.

    >>> parse_parts("50:50"), parse_parts("1:2.5")
    ([50.0, 50.0], [1.0, 2.5])

    Raises:
        InputError: If the text is not so.
    """
    try:
        return [float(part) for part in text.split(":")]
    except ValueError as error:
        raise InputError(f"--designed {text}: numbers between colons are expected, e.g. 50:50.") from error


def _as_json(shares: list[TypeShare], images: int, confidence: float) -> dict[str, Any]:
    types = [_without_nan(asdict(share) | {"fits": share.fits}) for share in shares]
    return {"images": images, "cells": sum(share.count for share in shares), "confidence": confidence, "types": types}


def _without_nan(values: dict[str, Any]) -> dict[str, Any]:
    return values | {"bootstrap": None if math.isnan(values["bootstrap"][0]) else values["bootstrap"]}


def _as_text(shares: list[TypeShare], images: int, confidence: float) -> str:
    lines = [f"{images} images, {sum(share.count for share in shares)} cells; intervals of {confidence:.0%}"]
    for share in shares:
        line = f"{share.name:<12} {share.count:>8} cells  {share.share:7.2%}"
        line += f"  over images {_interval(share.bootstrap)}  as if cells were independent {_interval(share.wilson)}"
        if share.designed is not None:
            line += f"  designed {share.designed:.2%}: {_VERDICTS[share.fits]}"
        lines.append(line)
    return "\n".join(lines)


_VERDICTS = {True: "fits", False: "outside the interval", None: "no interval from one image"}


def _interval(bounds: tuple[float, float]) -> str:
    return "unknown" if math.isnan(bounds[0]) else f"{bounds[0]:.2%} to {bounds[1]:.2%}"
