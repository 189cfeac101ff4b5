"""`hpa count`: the proportion of cell types in a result, against the one that was designed; cells of label maps."""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hpa.core.errors import InputError

if TYPE_CHECKING:
    from hpa.metrics.mixture import TypeShare
    from hpa.sources.counted_cells import CountedCells

HELP = "count the cells of each type in a result, with intervals, against a designed mixture; the cells of label maps"
EXIT_SOME_FAILED = 3
_FEW_IMAGES = 6
"""Images below which an interval over images is too narrow: of 5 there are 126 different draws in all."""
_LOW_CONFIDENCE = 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "result",
        metavar="RESULT",
        type=Path,
        help="COCO .json, .cells.parquet, CSV with ID,cell,class, a submission; of a folder of label maps the cells of "
        "each image",
    )
    parser.add_argument("--designed", metavar="A:B", help="parts of each type, in the order of the types, e.g. 50:50")
    parser.add_argument("--types", metavar="A,B", help="the types in order (as the result names them)")
    parser.add_argument("--confidence", metavar="P", type=float, default=0.95, help="of the intervals (0.95)")
    parser.add_argument("--resamples", metavar="N", type=int, default=10_000, help="draws of images (10000)")
    parser.add_argument("--seed", metavar="K", type=int, default=0, help="of the draws (0)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Print the shares, or the cells of each label map; return 0, or 3 if some maps cannot be read."""
    if arguments.result.is_dir():
        if arguments.designed or arguments.types:
            raise InputError(f"{arguments.result}: label maps hold no types; give the result that names them.")
        return _count_label_maps(arguments.result, arguments.json)
    from hpa.metrics.mixture import shares_of
    from hpa.sources.counted_cells import count_cells

    names = None if arguments.types is None else [name.strip() for name in arguments.types.split(",")]
    counted = count_cells(arguments.result, names)
    designed = None if arguments.designed is None else parse_parts(arguments.designed)
    shares = shares_of(
        counted.counts, counted.names, designed, arguments.confidence, arguments.resamples, arguments.seed
    )
    images = len(counted.image_ids)
    warnings = _warnings(counted)
    if arguments.json:
        print(json.dumps(_as_json(shares, images, arguments.confidence) | {"warnings": warnings}, indent=1))
    else:
        print("\n".join([_as_text(shares, images, arguments.confidence), *(f"warning  {text}" for text in warnings)]))
    return 0


def _warnings(counted: CountedCells) -> list[str]:
    """Return why the shares are to be trusted less than their figures look."""
    found, images = [], len(counted.image_ids)
    if images < _FEW_IMAGES:
        found.append(
            f"{images} images are too few for an interval over images; count {_FEW_IMAGES} or more, better 20."
        )
    cells, low = len(counted.confidences), int((counted.confidences < _LOW_CONFIDENCE).sum())
    if 2 * low > cells:
        found.append(
            f"{low} of {cells} cells have a confidence below {_LOW_CONFIDENCE} in every type (median "
            f"{float(np.median(counted.confidences)):.2f}): the network is not sure of them. Look at the scores of its "
            "training; give it more images, or train longer."
        )
    return found


def _count_label_maps(folder: Path, as_json: bool) -> int:
    """Print how many cells each label map of a folder holds.

    Raises:
        InputError: If there is no label map.
    """
    from hpa.core.label_map import labels_of
    from hpa.formats.label_maps import label_map_paths, read_label_map

    counts, failed = {}, []
    for image_id, path in sorted(label_map_paths(folder).items()):
        try:
            counts[image_id] = len(labels_of(read_label_map(path)))
        except InputError as error:
            failed.append(f"{image_id}: {error}")
    total = sum(counts.values())
    if as_json:
        print(json.dumps({"images": len(counts), "cells": total, "cells_of": counts, "failed": failed}, indent=1))
    else:
        width = max((len(image_id) for image_id in counts), default=0)
        lines = [f"{image_id:<{width}}  {count:>6} cells" for image_id, count in counts.items()]
        print("\n".join([*lines, *(f"failed   {text}" for text in failed), f"{len(counts)} images, {total} cells"]))
    return EXIT_SOME_FAILED if failed else 0


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
