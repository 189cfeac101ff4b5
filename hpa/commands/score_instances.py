"""`hpa score-instances`: average precision and confusion of classified cells, both as COCO files."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hpa.core.errors import DataError, InputError, Problem

if TYPE_CHECKING:
    from hpa.formats.coco_file import CocoImage
    from hpa.interfaces import Instances
    from hpa.metrics.instances import InstanceScore

HELP = "AP of each class by the rules of Pascal VOC and COCO, and the confusion of classes"
_FILES = """Both files are COCO instances; those of RESULT have scores, as `also=coco` of infer.py writes them and
`hpa coco export` of a table with a column score. Images are paired by the stems of their file names; those that
TRUTH lacks are left out. Instances that overlap: a pixel claimed twice goes to the smaller one."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.description = f"{HELP}. {_FILES}"
    parser.add_argument("result", metavar="RESULT.json", type=Path, help="COCO instances with scores")
    parser.add_argument("truth", metavar="TRUTH.json", type=Path, help="COCO instances")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Print the scores and return 0."""
    from hpa.formats.coco_file import category_names, read_coco
    from hpa.metrics.instances import score_instances

    truth = read_coco(arguments.truth)
    found = {image.name: image for image in read_coco(arguments.result)}
    names = category_names(arguments.truth)
    problems = [Problem(image.name, f"is not in {arguments.result}") for image in truth if image.name not in found]
    if problems:
        raise DataError("every true image needs a result, be it one without instances", problems)
    pairs = [(_instances(found[image.name], names, arguments.result), image) for image in truth]
    score = score_instances(
        [predicted for predicted, _ in pairs], [_instances(image, names, arguments.truth) for _, image in pairs], names
    )
    result = as_json(score) | {"images": len(truth), "not_in_truth": len(found) - len(truth)}
    print(json.dumps(result, indent=1) if arguments.json else _as_text(result))
    return 0


def as_json(score: InstanceScore) -> dict[str, Any]:
    """Return a score as plain types."""
    rules = ("voc_ap50", "coco_ap", "coco_ap50", "coco_ap75")
    classes = {
        one.name: {rule: _number_or_null(getattr(one, rule)) for rule in rules}
        | {
            "true": one.true_count,
            "predicted": one.predicted_count,
            "matched": int(score.confusion[number].sum()),
            "predicted_as": dict(zip(_names(score), score.confusion[number].tolist(), strict=True)),
            "missed": int(score.missed[number]),
            "unmatched": int(score.unmatched[number]),
        }
        for number, one in enumerate(score.classes)
    }
    return {"mean": {rule: _number_or_null(score.mean(rule)) for rule in rules}, "classes": classes}


def _instances(image: CocoImage, names: Sequence[str], file: Path) -> Instances:
    """Return the instances of an image as a label map, hidden ones left out."""
    from hpa.core.coco import paint
    from hpa.core.label_map import relabel
    from hpa.interfaces import Instances

    unknown = sorted(set(image.class_names) - set(names))
    if unknown:
        raise InputError(f"{file}: image {image.name} has instances of {unknown[0]}; known are {', '.join(names)}.")
    painted = paint(image.texts, image.height, image.width)
    kept = [place for place in range(len(image.texts)) if place + 1 not in frozenset(painted.hidden)]
    classes = np.array([names.index(image.class_names[place]) for place in kept], np.int64)
    scores = [image.scores[place] for place in kept]
    confidences = None if None in scores else np.array(scores, np.float64)
    return Instances(relabel(painted.label_map), classes, confidences)


def _names(score: InstanceScore) -> list[str]:
    return [one.name for one in score.classes]


def _as_text(result: dict[str, Any]) -> str:
    classes: dict[str, dict[str, Any]] = result["classes"]
    header = f"{'class':<12}{'VOC AP50':>10}{'COCO AP':>10}{'AP50':>8}{'AP75':>8}{'true':>8}{'matched':>9}"
    header += "".join(f"{f'as {name}':>10}" for name in classes) + f"{'missed':>8}{'unmatched':>11}"
    rows = [
        _precision(name, one)
        + f"{one['true']:>8}{one['matched']:>9}"
        + "".join(f"{one['predicted_as'][other]:>10}" for other in classes)
        + f"{one['missed']:>8}{one['unmatched']:>11}"
        for name, one in classes.items()
    ]
    lines = [
        f"{result['images']} images; {result['not_in_truth']} left out because the ground truth lacks them",
        "",
        header,
        *rows,
        _precision("mean", result["mean"]),
        "",
        "matched: true cells with a predicted instance at IoU 0.5, by predicted class; "
        "unmatched: predictions without a true cell.",
    ]
    return "\n".join(lines)


def _precision(name: str, one: dict[str, Any]) -> str:
    return (
        f"{name:<12}{_shown(one['voc_ap50']):>10}{_shown(one['coco_ap']):>10}"
        f"{_shown(one['coco_ap50']):>8}{_shown(one['coco_ap75']):>8}"
    )


def _number_or_null(value: float) -> float | None:
    return None if math.isnan(value) else value


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
