"""`hpa score-tissue`: Dice of a tissue submission against true masks."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hpa.metrics.tissue import ImageDice, TissueScore

HELP = "mean Dice of a tissue submission against true masks, in all and for each organ"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("submission", metavar="SUB", type=Path, help="CSV with id, rle")
    parser.add_argument(
        "truth", metavar="TRUTH", type=Path, help="CSV with id, organ, img_height, img_width, rle (as train.csv)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Print the scores and return 0."""
    from hpa.data.hubmap_submission import paired_masks
    from hpa.metrics.tissue import ImageDice, TissueScore, dice_of

    pairs = paired_masks(arguments.submission, arguments.truth)
    score = TissueScore(
        tuple(ImageDice(pair.image_id, pair.organ, dice_of(pair.predicted, pair.true)) for pair in pairs)
    )
    print(json.dumps(_as_json(score), indent=1) if arguments.json else _as_text(score))
    return 0


def _as_json(score: TissueScore) -> dict[str, Any]:
    return {
        "dice": score.dice,
        "per_organ": score.per_organ,
        "per_image": {image.image_id: image.dice for image in score.images},
        "images": len(score.images),
    }


def _as_text(score: TissueScore) -> str:
    header = f"{'organ':<16}{'images':>8}{'Dice':>9}{'lowest':>9}  of image"
    rows = [_line(organ, images, score.per_organ[organ]) for organ, images in score.organs.items()]
    return "\n".join(
        [
            f"Dice {score.dice:.4f}, the mean over {len(score.images)} images",
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
