import numpy as np
import pytest

from hpa.reports.learning_curves import best_row, column, learning_charts


def test_the_best_epoch_is_the_given_one(facts):
    assert best_row(facts.history, 5) == 4


@pytest.mark.parametrize("given", [None, 99])
def test_else_the_best_epoch_has_the_highest_image_map(facts, given):
    assert best_row(facts.history, given) == 2


def test_else_it_has_the_lowest_loss(facts):
    history = facts.history.assign(val_image_map=np.nan)
    assert best_row(history, None) == 4
    assert best_row(history.assign(val_loss=np.nan), None) is None


def test_text_and_infinities_are_no_numbers(facts):
    history = facts.history.astype({"val_loss": object})
    history.loc[0, "val_loss"], history.loc[1, "val_loss"] = "broken", float("inf")
    assert np.isnan(column(history, "val_loss")).tolist() == [True, True, False, False, False]


def test_both_charts_show_both_curves_and_mark_the_best_epoch(facts):
    loss, precision = learning_charts(facts.history, None)
    assert [line.name for line in loss.lines] == ["training", "validation"]
    assert [line.name for line in precision.lines] == ["images", "single cells"]
    assert precision.mark is not None
    assert precision.mark[1] == "best, epoch 3"
    assert "training from 1 to 0.2" in loss.description


def test_a_curve_that_is_not_known_is_left_out(facts):
    charts = learning_charts(facts.history.assign(val_cell_map=np.nan), None)
    assert [line.name for line in charts[1].lines] == ["images"]
    assert len(learning_charts(facts.history.assign(val_cell_map=np.nan, val_image_map=np.nan), None)) == 1


def test_one_epoch_is_a_dot_in_the_middle(facts):
    chart = learning_charts(facts.history.iloc[:1], None)[0]
    assert len(chart.lines[0].dots) == 1
    assert [name for _, name in chart.x_ticks] == ["1"]
    assert chart.frame.left < chart.lines[0].dots[0].x < chart.frame.width - chart.frame.right


def test_no_epoch_gives_no_chart(facts):
    assert learning_charts(facts.history.iloc[:0], None) == []
