"""What W&B shows of a finished run's held-out cells: a table with pictures, curves, confusion, and figures."""

from __future__ import annotations

import io
import logging
from importlib.util import find_spec
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int64
from PIL import Image

from hpa.reports.facts import RunFacts
from hpa.reports.figures import calibration, cooccurrence, outlined_field
from hpa.reports.pictures import composite_cells

_LOG = logging.getLogger(__name__)
MAX_CELLS = 200
"""Of the table: the worst half of them, and others at random."""
MAX_POINTS = 200
"""Of a curve: W&B draws no more of them well."""


def cell_panels(facts: RunFacts) -> dict[str, Any]:
    """Return the panels that W&B shows of a run, by their names.

    Args:
        facts: Its held-out cells and their predictions.
    """
    import wandb

    panels: dict[str, Any] = {"cells": _table_of_cells(facts)}
    known = np.flatnonzero(facts.has_truth)
    truth, probabilities = facts.truth[known] > 0.5, facts.probabilities[known]
    curves = {
        name: precision_recall(probabilities[:, index], truth[:, index])
        for index, name in enumerate(facts.class_names)
        if truth[:, index].any()
    }
    if curves:
        panels["precision_recall"] = wandb.plot.line_series(
            xs=[recall.tolist() for _, recall in curves.values()],
            ys=[precision.tolist() for precision, _ in curves.values()],
            keys=list(curves),
            title="Precision against recall",
            xname="recall",
        )
        panels |= _figures(facts)
    alone = truth.sum(axis=1) == 1  # a second true class is no confusion
    if alone.any():
        panels["confusion"] = wandb.plot.confusion_matrix(
            y_true=truth[alone].argmax(axis=1).tolist(),
            preds=probabilities[alone].argmax(axis=1).tolist(),
            class_names=list(facts.class_names),
        )
    return panels


def _figures(facts: RunFacts) -> dict[str, Any]:
    """Return what W&B has no chart for, as pictures; of cells some of which are positive."""
    import wandb

    if find_spec("matplotlib") is None:
        _LOG.info("W&B gets no figures of calibration, co-occurrence and cells: pip install 'hpa-cells[figures]'.")
        return {}
    pictures = {}
    for draw in (calibration, cooccurrence, outlined_field):
        buffer = io.BytesIO()
        draw(facts).savefig(buffer, format="png")
        pictures[draw.__name__] = wandb.Image(Image.open(buffer))
    return pictures


def _table_of_cells(facts: RunFacts) -> Any:
    import wandb

    rows = rows_to_show(facts)
    pictures = composite_cells(facts.crops_of(rows), facts.channels) if len(rows) else np.zeros((0, 1, 1, 3), np.uint8)
    columns: list[str | int] = [
        "image",
        "cell",
        "picture",
        "image labels",
        "ground truth",
        "predicted",
        *facts.class_names,
    ]
    table = wandb.Table(columns=columns)
    truth = facts.cell_targets
    for row, picture in zip(rows, pictures, strict=True):
        table.add_data(
            str(facts.cells["image_id"].iloc[row]),
            int(facts.cells["cell"].iloc[row]),
            wandb.Image(picture),
            _names(facts, facts.image_targets[row]),
            "" if truth is None else _names(facts, truth[row]),
            facts.class_names[int(np.nan_to_num(facts.probabilities[row], nan=-1.0).argmax())],
            *map(float, facts.probabilities[row]),
        )
    return table


def rows_to_show(facts: RunFacts) -> Int64[np.ndarray, " row"]:
    """Return rows of cells: those whose prediction is furthest from the ground truth first, then others at random.

    Args:
        facts: The held-out cells.
    """
    error = np.where(facts.has_truth, np.abs(facts.truth - facts.probabilities).max(axis=1), -1.0)
    order = np.argsort(-error, kind="stable")
    worst, others = order[: MAX_CELLS // 2], order[MAX_CELLS // 2 :]
    return np.concatenate([worst, np.random.default_rng(0).permutation(others)[: MAX_CELLS - len(worst)]])


def precision_recall(
    confidences: Float[np.ndarray, " cell"], truth: Bool[np.ndarray, " cell"]
) -> tuple[Float[np.ndarray, " point"], Float[np.ndarray, " point"]]:
    """Return precision and recall when the most confident cells are called positive, from few to all.

    Args:
        confidences: Of one class.
        truth: Whether each cell has it; one has.
    """
    order = np.argsort(-confidences, kind="stable")
    last_of_equal = np.append(np.diff(confidences[order]) != 0, True)  # cells of equal confidence are one step
    hits = np.cumsum(truth[order])[last_of_equal]
    precision, recall = hits / (np.flatnonzero(last_of_equal) + 1), hits / truth.sum()
    points = np.unique(np.linspace(0, len(hits) - 1, min(MAX_POINTS, len(hits))).round().astype(int))
    return precision[points], recall[points]


def _names(facts: RunFacts, targets: Float[np.ndarray, " class"]) -> str:
    return ", ".join(name for name, _ in facts.classes_in(targets))
