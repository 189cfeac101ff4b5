"""Figures hold the numbers of the page, need no pyplot, and name what is wrong."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image, ImageColor

from hpa.core.errors import InputError
from hpa.reports import figures
from hpa.reports.calibration import class_calibrations
from hpa.reports.class_styles import UNPREDICTED, class_styles
from hpa.reports.cooccurrence import cooccurrence_rows

OF_A_RUN = (
    *(figures.learning_curves, figures.precision_recall, figures.calibration, figures.confusion),
    *(figures.cooccurrence, figures.outlined_field),
)


def points(line):
    return np.array(line.get_xdata(), float), np.array(line.get_ydata(), float)


def png_of(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def test_learning_curves_are_those_of_the_history_with_the_best_epoch(facts):
    loss, scores = figures.learning_curves(facts).axes
    assert [text.get_text() for text in scores.get_legend().get_texts()] == ["images", "single cells", "best, epoch 3"]
    for line, column in zip(loss.lines[:2], ("train_loss", "val_loss"), strict=True):
        np.testing.assert_allclose(points(line), [facts.history["epoch"], facts.history[column]])
    assert loss.lines[0].get_linestyle() != loss.lines[1].get_linestyle()
    assert points(loss.lines[2])[0].tolist() == [3, 3]


def test_precision_and_recall_are_those_of_each_class_in_its_colour(facts):
    figure = figures.precision_recall(facts, classes=["Negative", "Nucleoplasm"])
    assert [axes.get_title().split("\n")[0] for axes in figure.axes] == ["Negative", "Nucleoplasm"]
    truth, confidence = facts.truth[:, 3] > 0.5, facts.probabilities[:, 3]
    chance, curve = figure.axes[0].lines
    recall, precision = points(curve)
    called = confidence >= np.sort(confidence)[-5]
    assert (recall[5], precision[5]) == pytest.approx((truth[called].sum() / truth.sum(), truth[called].mean()))
    assert chance.get_ydata()[0] == pytest.approx(truth.mean())
    assert curve.get_color() == facts.class_styles[3].colour
    assert len(figures.precision_recall(facts).axes) == 3  # no cell of one class


def test_calibration_is_that_of_the_page(facts):
    figure = figures.calibration(facts)
    for axes, one in zip(figure.axes, class_calibrations(facts), strict=True):
        np.testing.assert_allclose(points(axes.lines[1]), [one.reliability.confidence, one.reliability.share])
        assert axes.get_title().startswith(one.name)
        assert f"error {one.reliability.error:.3f}" in axes.get_title()


def test_matrices_hold_confidences_and_shares_with_their_names(facts):
    [axes] = figures.confusion(facts).axes
    alone = (facts.truth > 0.5).sum(axis=1) == 1
    of_first = alone & (facts.truth[:, 0] > 0.5)
    np.testing.assert_allclose(axes.images[0].get_array()[0], facts.probabilities[of_first].mean(axis=0), rtol=1e-6)
    assert axes.get_yticklabels()[0].get_text() == f"Nucleoplasm ({of_first.sum()})"
    assert [label.get_text() for label in axes.get_xticklabels()] == list(facts.class_names)
    true, predicted = figures.cooccurrence(facts).axes
    rows = cooccurrence_rows(facts)
    np.testing.assert_allclose(true.images[0].get_array(), [row.true for row in rows])
    np.testing.assert_allclose(predicted.images[0].get_array(), [row.predicted for row in rows])


def test_the_gallery_shows_cells_with_their_confidences(facts):
    figure = figures.cell_gallery(facts, "Nucleoplasm")
    shown = [axes for axes in figure.axes if axes.images]
    confidence = facts.probabilities[:, 0]
    assert shown[0].get_title() == f"{confidence[facts.truth[:, 0] > 0.5].max():.2f}"
    assert shown[0].images[0].get_array().shape == (16, 16, 3)
    best = facts.cells.iloc[np.where(facts.truth[:, 0] > 0.5, confidence, -1).argmax()]
    assert shown[0].get_xlabel() == f"cell {best['cell']} of\n{best['image_id']}"


def test_cells_are_outlined_and_counted_by_their_most_probable_class(facts_with, facts):
    probabilities = facts.probabilities.copy()
    probabilities[:6] = [0.9, 0.1, 0, 0]
    probabilities[4:6] = [[0, 1, 0, 0], [np.nan, 0, 0, 0]]
    [axes] = figures.outlined_field(facts_with(probabilities=probabilities), "image0").axes
    legend = axes.get_legend()
    names = ["4 Nucleoplasm", "1 Golgi apparatus", "1 without a prediction"]
    assert [text.get_text() for text in legend.get_texts()] == names
    styles = (*facts.class_styles[:2], UNPREDICTED)
    assert [line.get_color() for line in legend.get_lines()] == [style.colour for style in styles]
    pixels = np.asarray(axes.images[0].get_array()).reshape(-1, 3)
    assert all((pixels == ImageColor.getrgb(style.colour)).all(axis=1).any() for style in styles)


@pytest.mark.parametrize("draw", OF_A_RUN, ids=lambda draw: draw.__name__)
def test_the_same_run_gives_the_same_picture_which_a_notebook_shows(draw, facts):
    first, second = draw(facts), draw(facts)
    assert isinstance(first, Figure)
    assert png_of(first) == second._repr_png_()


def test_names_of_any_kind_are_drawn_as_they_are(facts_with, facts):
    names = ("a $b", "_x $c^$", "<script>", "long" * 80)
    odd = facts_with(class_names=names, title="$1 & \\frac")
    for draw in OF_A_RUN:
        assert Image.open(io.BytesIO(png_of(draw(odd)))).size[0] < 2000
    assert figures.cooccurrence(odd).axes[0].get_yticklabels()[2].get_text().startswith("longlong")
    assert figures.cell_gallery(odd, "_x $c^$").get_suptitle().startswith("$1 & \\frac: _x $c^$")


@pytest.mark.parametrize("count", [1, 100])
def test_one_class_and_a_hundred_are_drawn(count, facts_with, facts):
    values = np.random.default_rng(1).random((len(facts.cells), count)).astype(np.float32)
    truth = (np.arange(len(values))[:, None] % count == np.arange(count)).astype(np.float32)
    names = tuple(f"class {index}" for index in range(count))
    run = facts_with(
        class_names=names,
        class_styles=class_styles(count),
        probabilities=values,
        image_targets=truth,
        cell_targets=truth,
    )
    shown = min(count, len(values))
    assert len(figures.precision_recall(run).axes) == len(figures.calibration(run).axes) == shown
    assert figures.confusion(run).axes[0].images[0].get_array().shape == (shown, count)
    assert figures.cooccurrence(run).axes[0].images[0].get_array().shape == (shown, shown)


def test_cells_that_are_left_out_are_counted(facts_with, facts):
    probabilities = facts.probabilities.copy()
    probabilities[:5, 0] = np.nan
    for draw in (figures.precision_recall, figures.calibration, figures.confusion, figures.cooccurrence):
        heading = draw(facts_with(probabilities=probabilities)).get_suptitle()
        assert "13 held-out cells" in heading
        assert "5 left" in heading.replace("\n", " ")


def test_without_cells_that_can_be_judged_the_error_says_so(facts_with, facts, facts_without_cells):
    unknown = facts_with(probabilities=np.full_like(facts.probabilities, np.nan))
    for draw in OF_A_RUN[1:]:
        for run, cells in ((unknown, 18), (facts_without_cells, 0)):
            with pytest.raises(InputError, match=f"none of the {cells} cells"):
                draw(run)
    negative = facts_with(cell_targets=np.zeros_like(facts.truth))
    for draw in OF_A_RUN[1:5]:
        with pytest.raises(InputError, match=r"positive cells|single true class"):
            draw(negative)
    with pytest.raises(InputError, match="no epoch"):
        figures.learning_curves(facts_with(history=facts.history.iloc[:0]))


def test_classes_and_images_that_are_not_there_are_named(facts):
    for draw in (figures.precision_recall, figures.calibration):
        for classes in (["Mitotic spindle"], []):
            with pytest.raises(InputError, match=r"Nucleoplasm.*came \["):
                draw(facts, classes=classes)
    with pytest.raises(InputError, match="Golgi"):
        figures.cell_gallery(facts, "Golgi")
    with pytest.raises(InputError, match="'image9' is none of the 3"):
        figures.outlined_field(facts, "image9")


def test_the_extra_is_named_where_it_is_missing(facts, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for draw in OF_A_RUN:
        with pytest.raises(InputError, match=r"pip install 'hpa-cells\[figures\]'"):
            draw(facts)


def test_it_imports_without_matplotlib_and_needs_neither_pyplot_nor_a_display():
    program = (
        "import io, sys; sys.modules['matplotlib'] = None; import hpa.reports.figures, hpa.reports.tracked_cells; "
        "del sys.modules['matplotlib']; from hpa.reports.figure_parts import new_figure; "
        "new_figure('a', 'b', 'c', 2, 2).savefig(io.BytesIO()); sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    display = os.environ | {"MPLBACKEND": "TkAgg"}
    assert subprocess.run([sys.executable, "-c", program], env=display, check=False).returncode == 0
