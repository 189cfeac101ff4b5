"""The page of a run that learned pixels: how it learned, and every held-out image with what it found and missed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from jaxtyping import UInt8
from jinja2 import Environment, PackageLoader, StrictUndefined

from hpa.core.whole_file import whole_file
from hpa.reports.charts import LineChart
from hpa.reports.embedding import data_uri
from hpa.reports.environment import environment
from hpa.reports.learning_curves import Curve, learning_charts
from hpa.reports.summary import Figure

SHOWN = 24
"""Images drawn: every so many along the ranking, from the worst to the best."""
WIDTH_PX = 480
DICE_CURVES = (Curve("val_map", "instances, IoU .50 to .95", "second"), Curve("val_dice", "Dice", "first"))
CURVES = (Curve("val_map", "mean over IoU .50 to .95", "second"), Curve("val_ap50", "at IoU .50", "first"))


@dataclass(frozen=True)
class InstanceFacts:
    """A finished run and its scores on the held-out images.

    Attributes:
        title: Heading of the page.
        command: What was typed to start the run.
        config_text: Resolved config, as YAML.
        history: metrics.csv, one row an epoch.
        images: One row a held-out image: `image_id`, `true`, `predicted` (instances), `ap50`, `ap75`, `map`; of tissue
            `organ` and `dice` too, by which images are then ranked and grouped.
        picture_of: Draws an image with both outlines, by image id.
        best_epoch: Epoch whose weights made the predictions.
        seed: Seed of the run.
        commit: Version of the code.
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

    @property
    def is_tissue(self) -> bool:
        """Whether masks of organs were learned."""
        return "dice" in self.images


def write_instance_page(path: Path, facts: InstanceFacts) -> None:
    """Write the page, whole or not at all."""
    templates = Environment(
        loader=PackageLoader("hpa.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = templates.get_template("instance_page.html.jinja").render(
        facts=facts,
        figures=_figures(facts),
        learning=_learning(facts),
        shown=[row | {"picture": _embedded(facts.picture_of(row["image_id"]))} for row in _chosen(facts)],
        rows=_records(_ranked(facts)),
        environment=environment(facts.seed, facts.commit),
    )
    content = page.encode()
    with whole_file(path, len(content)) as file:
        file.write(content)


def _learning(facts: InstanceFacts) -> list[LineChart]:
    if facts.is_tissue:
        return learning_charts(facts.history, facts.best_epoch, DICE_CURVES, "Overlap")
    return learning_charts(facts.history, facts.best_epoch, CURVES)


def _ranked(facts: InstanceFacts) -> pd.DataFrame:
    """Return the images from the worst to the best."""
    score = "dice" if facts.is_tissue else "ap50"
    return facts.images.sort_values(score, kind="stable", na_position="last").reset_index(drop=True)


def _chosen(facts: InstanceFacts) -> list[dict[str, Any]]:
    """Return the images to be drawn: every so many along the ranking, organ after organ where there are organs."""
    ranked = _ranked(facts)
    groups = (
        [ranked[ranked["organ"] == organ] for organ in sorted(set(ranked["organ"]))] if facts.is_tissue else [ranked]
    )
    most = max(1, SHOWN // max(len(groups), 1))
    chosen = []
    for group in groups:
        places = np.unique(np.linspace(0, len(group) - 1, min(most, len(group))).round().astype(int))
        chosen += _records(group.iloc[places])
    return chosen


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def _figures(facts: InstanceFacts) -> list[Figure]:
    images = facts.images
    true, predicted = int(images["true"].sum()), int(images["predicted"].sum())
    minutes = float(pd.to_numeric(facts.history["seconds"], errors="coerce").sum()) / 60
    best = Figure("Best epoch", str(facts.best_epoch), f"of {len(facts.history)}, {minutes:.1f} minutes")
    if facts.is_tissue:
        means = images.groupby("organ")["dice"].agg(["mean", "size"])
        each = [
            Figure(str(organ), f"{row['mean']:.3f}", f"Dice, {row['size']:.0f} images")
            for organ, row in means.iterrows()
        ]
        return [
            Figure("Dice", f"{images['dice'].mean():.3f}", "mean of held-out images, from probability .5"),
            *each,
            best,
        ]
    return [
        Figure("AP at IoU .50", f"{images['ap50'].mean():.3f}", "mean over held-out images, best epoch"),
        Figure("AP at IoU .75", f"{images['ap75'].mean():.3f}", "outlines must fit closer"),
        Figure("AP .50 to .95", f"{images['map'].mean():.3f}", "mean over ten thresholds"),
        Figure("Instances", f"{predicted:,}", f"found where {true:,} are"),
        best,
    ]


def _embedded(picture: UInt8[np.ndarray, "height width 3"]) -> str:
    """Return the picture as a data address, shrunk or enlarged to the width that the page shows."""
    height, width = picture.shape[:2]
    method = cv2.INTER_AREA if width > WIDTH_PX else cv2.INTER_NEAREST
    return data_uri(cv2.resize(picture, (WIDTH_PX, max(1, round(height * WIDTH_PX / width))), interpolation=method))
