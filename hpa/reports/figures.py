"""The pictures of a run's page as matplotlib figures: for notebooks, papers and trackers.

`hpa.open_run(RUN).facts()` gives what they show. Each stands by itself, without pyplot: `figure.savefig("curves.pdf")`
keeps it. Colours are those of the pages, and outlines of classes differ in pattern too. Cells whose class is not known,
or that have no finite confidence, are left out, and the heading says how many.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from jaxtyping import Bool, Float, Int64, UInt8

from hpa.core.errors import InputError
from hpa.reports.calibration import ClassCalibration, class_calibrations
from hpa.reports.charts import MAX_DOTS, span_from_zero
from hpa.reports.class_scores import ClassScore, class_scores, curve_points
from hpa.reports.class_styles import UNPREDICTED, ClassStyle
from hpa.reports.confusion import confusion_rows
from hpa.reports.cooccurrence import cooccurrence_rows
from hpa.reports.facts import RunFacts
from hpa.reports.figure_parts import (
    LINES,
    draw_matrix,
    figure_of_panels,
    legend_of_classes,
    line_of_class,
    matrix_size,
    name_panel,
    new_figure,
    panels,
    rim,
)
from hpa.reports.gallery import CELLS_A_GROUP, chosen_cells
from hpa.reports.learning_curves import LOSS_CURVES, MAP_CURVES, best_row, column
from hpa.reports.looked_at import looked_at
from hpa.reports.outlined_images import images_by_loss, outlined_picture, scale_bar
from hpa.reports.pictures import composite_cells

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_OfClass = TypeVar("_OfClass", ClassScore, ClassCalibration)


def learning_curves(facts: RunFacts) -> Figure:
    """Return loss and mean average precision over the epochs, with a line at the best epoch.

    Raises:
        InputError: If no epoch has a value, or matplotlib is missing.
    """
    epochs = column(facts.history, "epoch")
    parts = {"Loss": LOSS_CURVES, "Mean average precision": MAP_CURVES}
    shown = {
        title: {curve: values for curve in curves if np.isfinite(values := column(facts.history, curve.column)).any()}
        for title, curves in parts.items()
    }
    shown = {title: lines for title, lines in shown.items() if lines}
    if not shown:
        raise InputError("learning curves: a history with a finite loss or score was expected; no epoch has any.")
    figure = new_figure(facts.title, "Learning curves", f"{len(epochs)} epochs", 4.6 * len(shown), 3.4)
    from matplotlib.ticker import MaxNLocator

    best = best_row(facts.history, facts.best_epoch)
    for axes, (title, lines) in zip(panels(figure, len(shown)), shown.items(), strict=True):
        for curve, values in lines.items():
            colour, dashes = LINES[curve.kind]
            marker = "o" if len(epochs) <= MAX_DOTS else ""
            axes.plot(epochs, values, dashes, color=colour, marker=marker, markersize=4, label=curve.name)
        if best is not None:
            axes.axvline(epochs[best], color=LINES["mark"][0], linestyle=":", label=f"best, epoch {epochs[best]:g}")
        axes.set(title=title, xlabel="epoch", ylim=span_from_zero(np.concatenate(list(lines.values()))))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(frameon=False)
    return figure


def precision_recall(facts: RunFacts, classes: Sequence[str] | None = None) -> Figure:
    """Return a panel for each class: precision against recall, and the level of chance.

    Args:
        facts: The run.
        classes: Names, in order; None is every class with positive cells, best average precision first.

    Raises:
        InputError: If no cell's class is known, a named class has no positive cell, or matplotlib is missing.
    """
    known, note = _known(facts)
    truth, probabilities = facts.truth[known] > 0.5, facts.probabilities[known]
    scores = _chosen([score for score in class_scores(facts) if score.positives], classes)
    figure = figure_of_panels(facts.title, "Precision and recall", note, len(scores))
    for axes, score in zip(panels(figure, len(scores)), scores, strict=True):
        points = curve_points(probabilities[:, score.index], truth[:, score.index])
        axes.axhline(score.chance, color=LINES["mark"][0], linestyle=":", linewidth=1)
        line_of_class(axes, *points, score.style)
        name_panel(axes, score.name, f"AP {score.average_precision:.3f}, {score.positives} cells")
    figure.supxlabel("recall", fontsize="medium")
    figure.supylabel("precision (dotted: chance)", fontsize="medium")
    return figure


def calibration(facts: RunFacts, classes: Sequence[str] | None = None) -> Figure:
    """Return a panel for each class: share of positive cells against confidence, which are equal on the diagonal.

    Args:
        facts: The run.
        classes: Names, in order; None is every class with positive cells.

    Raises:
        InputError: If no cell's class is known, a named class has no positive cell, or matplotlib is missing.
    """
    _, note = _known(facts)
    found = _chosen(class_calibrations(facts), classes)
    figure = figure_of_panels(facts.title, "Calibration", note, len(found))
    for axes, one in zip(panels(figure, len(found)), found, strict=True):
        axes.plot([0, 1], [0, 1], color=LINES["mark"][0], linestyle=":", linewidth=1)
        line_of_class(axes, one.reliability.confidence, one.reliability.share, one.style, marker="o")
        name_panel(axes, one.name, f"error {one.reliability.error:.3f}, best F1 from {one.threshold:.2f}")
    figure.supxlabel("confidence", fontsize="medium")
    figure.supylabel("share of positive cells", fontsize="medium")
    return figure


def confusion(facts: RunFacts) -> Figure:
    """Return the mean confidence in every class (columns), over the cells of a single true class (rows).

    Raises:
        InputError: If no cell has a single known class, or matplotlib is missing.
    """
    _, note = _known(facts)
    rows = confusion_rows(facts)
    if not rows:
        raise InputError("confusion: cells of a single true class were expected; every cell has several or none.")
    values = np.array([row.confidences for row in rows])
    size = matrix_size([row.name for row in rows], facts.class_names)
    figure = new_figure(facts.title, "Mean confidence, %, by true class", note, *size)
    axes = figure.subplots()
    draw_matrix(axes, values, [(row.name, row.cells) for row in rows], facts.class_names)
    axes.set_ylabel("true class (cells)")
    return figure


def cooccurrence(facts: RunFacts) -> Figure:
    """Return, of the cells of each class (rows), the share that has each other class: ground truth, and predictions.

    Raises:
        InputError: If no cell's class is known or none is positive, or matplotlib is missing.
    """
    _, note = _known(facts)
    rows = cooccurrence_rows(facts)
    _require_positives(rows)
    sides = {"ground truth": [row.true for row in rows], "predictions": [row.predicted for row in rows]}
    names = [(row.name, row.cells) for row in rows]
    classes = [row.name for row in rows]
    width, height = matrix_size(classes, classes)
    note += f"; {len(rows)} of {len(facts.class_names)} classes" if len(rows) < len(facts.class_names) else ""
    figure = new_figure(facts.title, "Co-occurrence of classes, % of the cells of a class", note, 2 * width, height)
    for axes, (title, values) in zip(panels(figure, 2), sides.items(), strict=True):
        draw_matrix(axes, np.array(values), names, classes)
        axes.set_title(title)
    figure.axes[0].set_ylabel("class (cells)")
    return figure


def cell_gallery(facts: RunFacts, class_name: str, where_looked: bool = False) -> Figure:
    """Return cells of a class as pictures: true positives, missed cells and false positives, with their confidences.

    Args:
        facts: The run.
        class_name: One with positive cells.
        where_looked: Whether to show the places of each cell that supported the class (`hpa.models.class_maps`).

    Raises:
        InputError: If no cell's class is known, the class has no positive cell, the network has no maps, or matplotlib
            is missing.
    """
    if where_looked and facts.maps_of is None:
        raise InputError("cell gallery: where_looked=True expects a network with maps of crops; this one has none.")
    _, note = _known(facts)
    (score,) = _chosen([score for score in class_scores(facts) if score.positives], [class_name])
    groups = chosen_cells(facts, score.index)
    heading = f"{class_name}: {score.positives} cells"
    figure = new_figure(facts.title, heading, note, 1.75 * CELLS_A_GROUP, 2.2 * len(groups) + 0.6)
    grid = figure.subplots(len(groups), CELLS_A_GROUP, squeeze=False)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    for line, (title, order, rows) in zip(grid, groups, strict=True):
        line[0].set_ylabel(f"{title}\n{order if len(rows) else 'none'}", fontsize="small")
        pictures = _pictures(facts, rows, score.index, where_looked) if len(rows) else ()
        for axes, row, picture in zip(line, rows.tolist(), pictures, strict=False):
            axes.imshow(picture)
            cell = facts.cells.iloc[row]
            axes.set_title(f"{facts.probabilities[row, score.index]:.2f}", fontsize="medium")
            text = f"cell {cell['cell']} of\n{textwrap.fill(str(cell['image_id']), 24)}"
            axes.set_xlabel(text, fontsize="xx-small", parse_math=False)
    return figure


def outlined_field(facts: RunFacts, image_id: str | None = None) -> Figure:
    """Return a held-out image whose cells are outlined in the colour and pattern of their most probable class.

    Args:
        facts: The run; its images must be there.
        image_id: None is the one of the highest mean loss.

    Raises:
        InputError: If there is no such image, it cannot be read, or matplotlib is missing.
    """
    ids = facts.cells["image_id"].astype(str).to_numpy()
    if image_id is None:
        _known(facts)
        image_id = images_by_loss(facts)[0][0]
    elif image_id not in ids:
        raise InputError(f"outlined field: {image_id!r} is none of the {len(set(ids))} held-out images of the run.")
    picture, cells, field = outlined_picture(facts, image_id)
    count = len(np.setdiff1d(np.unique(cells), 0))
    size = (7.0, 0.6 + 6.0 * picture.shape[0] / picture.shape[1])
    figure = new_figure(facts.title, f"image {image_id}", f"{count} cells, outlined by most probable class", *size)
    axes = figure.subplots()
    axes.imshow(picture)
    axes.set_axis_off()
    legend_of_classes(axes, _looks(facts, facts.probabilities[ids == image_id], count))
    bar = scale_bar(field.pixels.shape[2] * field.pixel_um)
    if bar is not None:
        axes.plot([0.03, 0.03 + bar[1] / 100], [0.04, 0.04], color="w", lw=3, transform=axes.transAxes, **rim(3.0))
        axes.text(0.03, 0.055, bar[0], color="w", transform=axes.transAxes, **rim(1.5))
    return figure


def _known(facts: RunFacts) -> tuple[Bool[np.ndarray, " cell"], str]:
    """Return which cells are judged, and in words how many and by what."""
    known = facts.has_truth
    if not known.any():
        raise InputError(
            f"figure: held-out cells with a known class and a finite confidence were expected, none of the "
            f"{len(known)} cells of the run has both; train it with a held-out fold that has labelled cells."
        )
    labels = "the cells' own labels" if facts.truth_is_of_cells else "the labels of their images"
    left_out = len(known) - int(known.sum())
    words = f"{left_out} left out: class not known or confidence not finite" if left_out else ""
    return known, f"{known.sum()} held-out cells by {labels}" + (f"; {words}" if words else "")


def _pictures(
    facts: RunFacts, rows: Int64[np.ndarray, " row"], index: int, where_looked: bool
) -> UInt8[np.ndarray, "row side side 3"]:
    marked = looked_at(facts, rows, np.full(len(rows), index, np.int64)) if where_looked else None
    return composite_cells(facts.crops_of(rows), facts.channels) if marked is None else marked


def _chosen(found: list[_OfClass], classes: Sequence[str] | None) -> list[_OfClass]:
    _require_positives(found)
    by_name = {one.name: one for one in found}
    wanted = list(by_name) if classes is None else list(classes)
    missing = [name for name in wanted if name not in by_name]
    if missing or not wanted:
        raise InputError(
            f"figure: some of the classes with positive cells, {list(by_name)}, were expected; came {wanted}."
        )
    return [by_name[name] for name in wanted]


def _require_positives(found: Sequence[object]) -> None:
    if not found:
        raise InputError("figure: a class with positive cells was expected; no held-out cell has any class.")


def _looks(facts: RunFacts, probabilities: Float[np.ndarray, "cell class"], count: int) -> list[tuple[str, ClassStyle]]:
    """Return what the outlines of an image mean, with the number of cells of each, the most frequent class first."""
    finite = probabilities[np.isfinite(probabilities).all(axis=1)]
    counts = np.bincount(finite.argmax(axis=1), minlength=len(facts.class_names))
    looks = [
        (f"{counts[index]} {facts.class_names[index]}", facts.class_styles[index])
        for index in np.argsort(-counts, kind="stable")
        if counts[index]
    ]
    return looks + ([(f"{count - len(finite)} without a prediction", UNPREDICTED)] if count > len(finite) else [])
