"""The page of a run: one HTML file that needs nothing else, to be read in a browser, mailed or archived."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from hpa.core.classes import LOCATION_NAMES
from hpa.reports.calibration import class_calibrations
from hpa.reports.class_scores import class_scores
from hpa.reports.confusion import confusion_rows
from hpa.reports.cooccurrence import cooccurrence_rows
from hpa.reports.facts import RunFacts
from hpa.reports.gallery import class_galleries
from hpa.reports.learning_curves import learning_charts
from hpa.reports.lost_precision import lost_precision
from hpa.reports.outlined_images import outlined_images
from hpa.reports.page import environment, render, write_page
from hpa.reports.pictures import TINT_OF_CHANNEL
from hpa.reports.score_groups import grouped_scores
from hpa.reports.summary import summary
from hpa.reports.weakest_classes import WeakClass, weakest

STAIN_OF_CHANNEL = {"red": "microtubules", "green": "protein", "blue": "nucleus", "yellow": "endoplasmic reticulum"}
"""Stains of the Human Protein Atlas."""


def write_run_page(path: Path, facts: RunFacts) -> None:
    """Write the page, whole or not at all.

    Args:
        path: The file, e.g. RUN/report.html; its folder is made.
        facts: The run.

    Raises:
        DiskFullError: If the disk is full; an older page stays as it was.
    """
    write_page(path, render_run_page(facts))


def render_run_page(facts: RunFacts) -> str:
    """Return the HTML of the page; every name and text in it is escaped."""
    return render(
        "run_page.html.jinja",
        script="run_page.js",
        facts=facts,
        figures=summary(facts),
        learning=learning_charts(facts.history, facts.best_epoch),
        weakest=_weakest(facts),
        history=facts.history,
        scores=class_scores(facts),
        calibrations=class_calibrations(facts),
        lost=lost_precision(facts),
        grouped=grouped_scores(facts),
        images=outlined_images(facts),
        image_count=int(facts.cells["image_id"].nunique()),
        galleries=class_galleries(facts),
        confusion=confusion_rows(facts),
        cooccurrence=cooccurrence_rows(facts),
        colours=channel_colours(facts),
        environment=environment(facts.seed, facts.commit),
    )


def _weakest(facts: RunFacts) -> list[WeakClass]:
    known = facts.has_truth
    image = pd.factorize(facts.cells["image_id"][known])[0].astype(np.int64)
    return weakest(facts.probabilities[known], facts.truth[known] > 0.5, image, facts.class_names)


def channel_colours(facts: RunFacts) -> str:
    """Return in words what the colours of the pictures are: stains of the Atlas by name, other channels as they are.

    The channels of other data sets may be called by the same colours and show other stains.
    """
    is_atlas = facts.class_names == LOCATION_NAMES
    words = []
    for name in facts.channels:
        if is_atlas and name in STAIN_OF_CHANNEL:
            words.append(f"{STAIN_OF_CHANNEL[name]} {name}")
        else:
            words.append(f"channel {name} in {name if name in TINT_OF_CHANNEL else 'grey'}")
    return ", ".join(words)
