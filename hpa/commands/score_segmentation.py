"""`hpa score-segmentation`: scores of label maps against true ones."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int32

from hpa.core.errors import InputError

if TYPE_CHECKING:
    from hpa.metrics.segmentation import SegmentationScore

HELP = "AP, PQ and F1 of a folder of label maps against true ones, at IoU 0.50 to 0.95"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("predicted", metavar="PRED", type=Path, help="folder of label maps (.png, .tif)")
    parser.add_argument("true", metavar="TRUTH", type=Path, help="folder of true label maps with the same names")
    parser.add_argument(
        "--without-edge", action="store_true", help="leave out cells at the edge of the image, as CellProfiler does"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Print the scores and return 0."""
    from hpa.formats.label_maps import paired_paths, read_instances, read_label_map
    from hpa.metrics.segmentation import count_image, score_images

    images = []
    for name, predicted, true in paired_paths(arguments.predicted, arguments.true):
        try:
            maps = [read_label_map(predicted), read_instances(true)]
            images.append(count_image(*(map(_without_edge, maps) if arguments.without_edge else maps)))
        except InputError as error:
            raise InputError(f"{name}: {error}") from error
    result = as_json(score_images(images))
    print(json.dumps(result, indent=1) if arguments.json else _as_text(result))
    return 0


def _without_edge(label_map: Int32[np.ndarray, "height width"]) -> Int32[np.ndarray, "height width"]:
    """Return the map without the cells that touch its edge."""
    from hpa.core.label_map import edge_contact_of, relabel

    numbered = relabel(label_map)
    kept = np.append(False, edge_contact_of(numbered) == 0)
    return np.where(kept[numbered], numbered, 0).astype(np.int32)


def as_json(score: SegmentationScore) -> dict[str, Any]:
    """Return a score as plain types: pooled lists along `thresholds`, averages over images in `mean`."""
    from hpa.metrics.segmentation import SCORES, THRESHOLDS

    pooled = score.pooled
    return {
        "thresholds": list(THRESHOLDS),
        **{name: [_number_or_null(value(counts)) for counts in pooled] for name, value in SCORES.items()},
        "tp": [counts.true_positives for counts in pooled],
        "fp": [counts.false_positives for counts in pooled],
        "fn": [counts.false_negatives for counts in pooled],
        "count_error": _number_or_null(score.count_error),
        "mean": {
            **{name: [_number_or_null(value) for value in score.mean(name)] for name in SCORES},
            "count_error": _number_or_null(score.mean_count_error),
        },
        "predicted_cells": sum(image.predicted for image in score.images),
        "true_cells": sum(image.true for image in score.images),
        "images": len(score.images),
        "left_out": score.left_out,
    }


def _as_text(result: dict[str, Any]) -> str:
    names = ("ap", "pq", "f1", "precision", "recall")
    header = f"{'IoU':>5}" + "".join(f"{name:>11}" for name in names)
    header += "".join(f"{name:>8}" for name in ("tp", "fp", "fn")) + f"{'mean ap':>11}{'mean pq':>11}"
    rows = [
        f"{threshold:>5.2f}"
        + "".join(f"{_shown(result[name][row]):>11}" for name in names)
        + "".join(f"{result[name][row]:>8}" for name in ("tp", "fp", "fn"))
        + "".join(f"{_shown(result['mean'][name][row]):>11}" for name in ("ap", "pq"))
        for row, threshold in enumerate(result["thresholds"])
    ]
    lines = [
        f"{result['predicted_cells']} cells predicted, {result['true_cells']} true, in {result['images']} images; "
        f"{result['left_out']} images without any cell left out",
        f"count error {_shown(result['count_error'])} of the true cells; "
        f"{_shown(result['mean']['count_error'])} cells per image (mean absolute error)",
        "",
        header,
        *rows,
        "",
        "All cells pooled; the columns 'mean' are averages over images. ap = TP / (TP + FP + FN).",
    ]
    return "\n".join(lines)


def _number_or_null(value: float) -> float | None:
    return None if math.isnan(value) else value


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
