"""`hpa score-tissue`: Dice of a tissue submission against true masks."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpa.core.errors import InputError

if TYPE_CHECKING:
    from hpa.metrics.tissue import ImageDice, TissueScore

_ANY_ORGAN = "all"
HELP = "mean Dice of a tissue submission against true masks, overall and per organ"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("submission", metavar="SUB", type=Path, help="CSV with id, rle; or a folder of label maps")
    parser.add_argument(
        "truth",
        metavar="TRUTH",
        type=Path,
        help="CSV with id, organ, img_height, img_width, rle (as train.csv); or a folder of true label maps",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Print the scores and return 0."""
    from hpa.metrics.tissue import TissueScore

    of_folders = arguments.submission.is_dir() and arguments.truth.is_dir()
    score = TissueScore(tuple((_of_folders if of_folders else _of_tables)(arguments.submission, arguments.truth)))
    print(json.dumps(_as_json(score), indent=1) if arguments.json else _as_text(score))
    return 0


def _of_tables(submission: Path, truth: Path) -> list[ImageDice]:
    """Return Dice of masks in tables."""
    from hpa.metrics.tissue import ImageDice, dice_of
    from hpa.sources.hubmap.submission import paired_masks

    pairs = paired_masks(submission, truth)
    return [ImageDice(pair.image_id, pair.organ, dice_of(pair.predicted, pair.true)) for pair in pairs]


def _of_folders(predicted: Path, true: Path) -> list[ImageDice]:
    """Return Dice of the foreground of label maps (any number above 0), all as one organ."""
    from hpa.formats.label_maps import paired_paths, read_label_map
    from hpa.metrics.tissue import ImageDice, dice_of_masks

    scores = []
    for image_id, *paths in paired_paths(predicted, true):
        found, known = (read_label_map(path) > 0 for path in paths)
        if found.shape != known.shape:
            raise InputError(
                f"{image_id}: both label maps must be of one size (height, width), they are {found.shape} and "
                f"{known.shape}; predict at the size of the truth."
            )
        scores.append(ImageDice(image_id, _ANY_ORGAN, dice_of_masks(found, known)))
    return scores


def _as_json(score: TissueScore) -> dict[str, Any]:
    return {
        "dice": score.dice,
        "interval": list(score.interval),
        "per_organ": score.per_organ,
        "per_image": {image.image_id: image.dice for image in score.images},
        "images": len(score.images),
    }


def _as_text(score: TissueScore) -> str:
    low, high = score.interval
    header = f"{'organ':<16}{'images':>8}{'Dice':>9}{'lowest':>9}  of image"
    rows = [_line(organ, images, score.per_organ[organ]) for organ, images in score.organs.items()]
    return "\n".join(
        [
            f"Dice {score.dice:.4f} (95 % interval {low:.4f} to {high:.4f}), the mean over {len(score.images)} images",
            "",
            header,
            *rows,
            "",
            "Dice = 2 |X and Y| / (|X| + |Y|) of each image; 1 where neither mask has a pixel.",
        ]
    )


def _line(organ: str, images: Sequence[ImageDice], mean: float) -> str:
    lowest = min(images, key=lambda image: image.dice)
    return f"{organ:<16}{len(images):>8}{mean:>9.4f}{lowest.dice:>9.4f}  {lowest.image_id}"
