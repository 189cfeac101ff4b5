"""`hpa score`: mAP of a submission against the true cells, and the errors that cost points."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

from hpa.core.classes import LOCATIONS
from hpa.core.errors import InputError
from hpa.metrics.detection import ClassScore, Outcome
from hpa.metrics.detection_gain import Gain, gain_over_images
from hpa.metrics.detection_tables import TableScore, score_tables

HELP = "mAP of a submission against the true cells, AP per class, and the errors that cost points"
_COMPETITION_IOU = 0.6
_RESAMPLES = 500
_REASONS = {
    Outcome.DUPLICATE: "duplicates: a more confident detection already matches the true cell",
    Outcome.WRONG_CLASS: "wrong class: the mask matches a true cell without this class",
    Outcome.UNMATCHED: "unmatched: the mask matches no true cell",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("submission", type=Path, help="CSV with ID, ImageWidth, ImageHeight, PredictionString")
    parser.add_argument("truth", type=Path, help="CSV with ID, ImageWidth, ImageHeight, TruthString")
    parser.add_argument("--iou", type=float, default=_COMPETITION_IOU, help="mask IoU of a true positive (%(default)s)")
    parser.add_argument(
        "--verified",
        choices=("all", "truth"),
        default="all",
        help="classes that count in an image: all, or those with ground truth in it (%(default)s)",
    )
    parser.add_argument(
        "--types", metavar="A,B", help="names of classes 0, 1, … where they are not the 19 locations (HEK,N2a)"
    )
    parser.add_argument(
        "--against", type=Path, metavar="SUBMISSION", help="another submission: the difference of mAP, with an interval"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Print the score and return 0."""
    against = arguments.truth, arguments.iou, arguments.verified
    result = score_tables(arguments.submission, *against)
    names = _names(result, arguments.types)
    gain = None if arguments.against is None else _gain(result, score_tables(arguments.against, *against))
    if arguments.json:
        extra: dict[str, Any] = {} if arguments.types is None else {"types": names}
        if gain is not None:
            extra["against"] = {
                "submission": str(arguments.against),
                "gain": gain.mean,
                "interval": [gain.low, gain.high],
            }
        setting = {"iou": arguments.iou, "verified": arguments.verified}
        print(json.dumps(setting | extra | _as_json(result, len(names)), indent=1))
    else:
        print(_as_text(result, names, f"IoU >= {arguments.iou}, verified={arguments.verified}"))
        if gain is not None:
            interval = f"95 % over images {gain.low:+.4f} to {gain.high:+.4f}"
            print(f"\nmAP {gain.mean:+.4f} against {arguments.against} ({interval})")
    return 0


def _gain(result: TableScore, other: TableScore) -> Gain:
    return gain_over_images(result.evidence, other.evidence, _RESAMPLES, seed=0)


def _names(result: TableScore, types: str | None) -> list[str]:
    """Return the names of the classes that are shown: the given types, else the locations of the Atlas.

    Raises:
        InputError: If a class beyond the given types has cells.
    """
    if types is None:
        return [place.short_name for place in LOCATIONS]
    names = [name.strip() for name in types.split(",")]
    used = [number for number, one in enumerate(result.score.classes) if one.true_cells or sum(one.detections.values())]
    if not all(names) or (used and used[-1] >= len(names)):
        raise InputError(
            f"--types {types}: the tables hold class {used[-1] if used else 0}; name every class from 0 on."
        )
    return names


def _as_json(result: TableScore, class_count: int) -> dict[str, Any]:
    score = result.score
    shown = score.classes[:class_count]
    return {
        "map": _number_or_null(score.mean),
        "bound": _number_or_null(score.bound),
        "ap": {str(number): _number_or_null(of_class.ap) for number, of_class in enumerate(shown)},
        "classes": {str(number): _class_as_json(of_class) for number, of_class in enumerate(shown)},
        "lost": {
            "missed_by_segmentation": {
                "count": sum(of_class.missed_by_segmentation for of_class in score.classes),
                "points": _number_or_null(1 - score.bound),
            },
            **{
                outcome.name.lower(): {"count": _count(result, outcome), "points": _number_or_null(gain)}
                for outcome, gain in score.gain_without.items()
            },
        },
        "images": result.images,
        "without_row": result.without_row,
        "not_in_truth": result.not_in_truth,
    }


def _class_as_json(of_class: ClassScore) -> dict[str, Any]:
    return {
        "ap": _number_or_null(of_class.ap),
        "bound": _number_or_null(of_class.bound),
        "true_cells": of_class.true_cells,
        **{outcome.name.lower(): count for outcome, count in of_class.detections.items()},
        "missed_by_segmentation": of_class.missed_by_segmentation,
        "class_not_predicted": of_class.class_not_predicted,
    }


def _as_text(result: TableScore, names: list[str], setting: str) -> str:
    score = result.score
    header = f"{'class':<32}{'AP':>7}{'bound':>7}{'true':>8}{'TP':>8}{'missed':>8}{'dupl.':>8}{'wrong':>8}{'unmat.':>8}"
    rows = [
        f"{f'{number} {name}':<32}{_shown(of_class.ap):>7}{_shown(of_class.bound):>7}"
        f"{of_class.true_cells:>8}{of_class.detections[Outcome.TRUE_POSITIVE]:>8}{of_class.missed_by_segmentation:>8}"
        + "".join(f"{of_class.detections[outcome]:>8}" for outcome in score.gain_without)
        for number, (name, of_class) in enumerate(zip(names, score.classes, strict=False))
    ]
    missed = sum(of_class.missed_by_segmentation for of_class in score.classes)
    reasons = [
        f"  {_shown(1 - score.bound):>6}  {missed:>8}  missed by segmentation: no predicted mask reaches the IoU",
        *(
            f"  {_shown(gain):>6}  {_count(result, outcome):>8}  {_REASONS[outcome]}"
            for outcome, gain in score.gain_without.items()
        ),
    ]
    lines = [
        f"mAP {_shown(score.mean)} of at most {_shown(score.bound)} with these masks ({setting})",
        f"{result.images} images with ground truth; {result.without_row} of them without a row in the submission; "
        f"{result.not_in_truth} rows left out because the ground truth lacks their image",
        "",
        header,
        *rows,
        "",
        "Points lost, and number of errors (points of false positives: gain of mAP without that kind alone; they do",
        "not add up to what mAP lacks to its bound: kinds overlap, and classes not predicted have no line here):",
        *reasons,
    ]
    return "\n".join(lines)


def _count(result: TableScore, outcome: Outcome) -> int:
    return sum(of_class.detections[outcome] for of_class in result.score.classes)


def _number_or_null(value: float) -> float | None:
    return None if math.isnan(value) else value


def _shown(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4f}"
