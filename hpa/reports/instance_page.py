"""The page of a run of task=pixels: learning curves, and held-out images with found and missed instances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from jaxtyping import UInt8

from hpa.core.counts import counted
from hpa.reports.charts import LineChart
from hpa.reports.learning_curves import Curve, learning_charts
from hpa.reports.page import data_uri, environment, render, write_page
from hpa.reports.summary import Figure, cut_validation

SHOWN = 24
"""Images drawn: evenly spaced along the ranking, from the worst to the best."""
WIDTH_PX = 480
DICE_CURVES = (Curve("val_map", "instances, IoU .50 to .95", "second"), Curve("val_dice", "Dice", "first"))
CURVES = (Curve("val_map", "mean over IoU .50 to .95", "second"), Curve("val_ap50", "at IoU .50", "first"))


@dataclass(frozen=True)
class InstanceFacts:
    """A finished run and its scores on the held-out images.

    Attributes:
        title: Heading of the page.
        command: Command line of the run.
        config_text: Resolved config, as YAML.
        history: metrics.csv, one row an epoch (from 1).
        images: One row a held-out image: `image_id`, `true`, `predicted` (instances), `ap50`, `ap75`, `map`; of tissue
            `organ` and `dice` too, by which images are then ranked and grouped.
        picture_of: Draws an image with both outlines, by image id.
        best_epoch: Epoch, as in `history`, whose weights made the predictions.
        seed: Seed of the run.
        commit: Version of the code.
        validation_batches: Batches that each validation used, and how many there are; None: not known.
    """

    title: str
    command: str
    config_text: str
    history: pd.DataFrame
    images: pd.DataFrame
    picture_of: Callable[[str], UInt8[np.ndarray, "height width 3"]]
    best_epoch: int
    seed: int
    commit: str | None
    validation_batches: tuple[int, int] | None = None

    @property
    def is_tissue(self) -> bool:
        """Whether the images are tissue sections."""
        return "dice" in self.images


def write_instance_page(path: Path, facts: InstanceFacts) -> None:
    """Write the page, whole or not at all."""
    html = render(
        "instance_page.html.jinja",
        facts=facts,
        figures=_figures(facts),
        learning=_learning(facts),
        shown=[row | {"picture": _embedded(facts.picture_of(row["image_id"]))} for row in _chosen(facts)],
        rows=_records(_ranked(facts)),
        environment=environment(facts.seed, facts.commit),
    )
    write_page(path, html)


def _learning(facts: InstanceFacts) -> list[LineChart]:
    if facts.is_tissue:
        return learning_charts(facts.history, facts.best_epoch, DICE_CURVES, "Overlap")
    return learning_charts(facts.history, facts.best_epoch, CURVES)


def _ranked(facts: InstanceFacts) -> pd.DataFrame:
    """Return the images from the worst to the best."""
    score = "dice" if facts.is_tissue else "ap50"
    return facts.images.sort_values(score, kind="stable", na_position="last").reset_index(drop=True)


def _chosen(facts: InstanceFacts) -> list[dict[str, Any]]:
    """Return the images to be drawn: evenly spaced along the ranking, organ by organ where there are organs."""
    ranked = _ranked(facts)
    groups = (
        [ranked[ranked["organ"] == organ] for organ in sorted(set(ranked["organ"]))] if facts.is_tissue else [ranked]
    )
    count = max(1, SHOWN // max(len(groups), 1))
    chosen = []
    for group in groups:
        positions = np.unique(np.linspace(0, len(group) - 1, min(count, len(group))).round().astype(int))
        chosen += _records(group.iloc[positions])
    return chosen


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def _figures(facts: InstanceFacts) -> list[Figure]:
    images = facts.images
    true, predicted = int(images["true"].sum()), int(images["predicted"].sum())
    minutes = float(pd.to_numeric(facts.history["seconds"], errors="coerce").sum()) / 60
    remark = "; ".join(
        [f"of {len(facts.history)}, {minutes:.1f} minutes", *cut_validation(facts.validation_batches, "chosen ")]
    )
    best = Figure("Best epoch", str(facts.best_epoch), remark)
    if facts.is_tissue:
        means = images.groupby("organ")["dice"].agg(["mean", "size"])
        each = [
            Figure(str(organ), f"{row['mean']:.3f}", f"Dice, {counted(int(row['size']), 'image')}")
            for organ, row in means.iterrows()
        ]
        return [
            Figure("Dice", f"{images['dice'].mean():.3f}", "mean of held-out images, threshold .5"),
            *each,
            best,
        ]
    return [
        Figure("AP at IoU .50", f"{images['ap50'].mean():.3f}", "mean over held-out images, best epoch"),
        Figure("AP at IoU .75", f"{images['ap75'].mean():.3f}", "a stricter overlap"),
        Figure("AP .50 to .95", f"{images['map'].mean():.3f}", "mean over ten thresholds"),
        Figure("Instances", f"{predicted:,}", f"predicted, {true:,} in the ground truth"),
        best,
    ]


def _embedded(picture: UInt8[np.ndarray, "height width 3"]) -> str:
    """Return the picture as a data address, shrunk or enlarged to the width that the page shows."""
    height, width = picture.shape[:2]
    method = cv2.INTER_AREA if width > WIDTH_PX else cv2.INTER_NEAREST
    return data_uri(cv2.resize(picture, (WIDTH_PX, max(1, round(height * WIDTH_PX / width))), interpolation=method))
