import numpy as np

from hpa.reports.summary import summary


def shown(facts):
    return {figure.name: figure.value for figure in summary(facts)}


def test_the_head_of_the_page(facts):
    assert shown(facts) == {
        "Submission mAP": "0.250",
        "Cell mAP": "0.400",
        "Image mAP": "0.500",
        "Best epoch": "3",
        "Cells": "18",
        "Training": "2.5 min",
    }


def test_unknown_values_are_shown_as_unknown(facts_with, facts):
    facts = facts_with(history=facts.history.iloc[:1].assign(val_cell_map=np.nan, seconds=12.4), score=None)
    assert "Submission mAP" not in shown(facts)
    assert shown(facts)["Cell mAP"] == "–"
    assert shown(facts)["Training"] == "12 s"
    assert shown(facts_with(score={"map": None}))["Submission mAP"] == "–"


def test_the_upper_bound_of_the_masks_is_shown_with_the_score(facts_with):
    (remark,) = [figure.remark for figure in summary(facts_with(score={"map": 0.3, "iou": 0.5, "bound": 0.8125}))][:1]
    assert remark == "masks at IoU 0.5; upper bound of these masks 0.812"


def test_scores_from_a_part_of_the_validation_set_say_so(facts_with):
    remarks = {figure.name: figure.remark for figure in summary(facts_with(validation_batches=(2, 13)))}
    assert remarks["Image mAP"] == remarks["Cell mAP"] == "validation, best epoch; from 2 of 13 batches only"
    assert (
        "batches"
        not in {figure.name: figure.remark for figure in summary(facts_with(validation_batches=(3, 3)))}["Image mAP"]
    )


def test_no_epoch_and_no_cell(facts_with, facts, facts_without_cells):
    assert shown(facts_with(history=facts.history.iloc[:0]))["Best epoch"] == "–"
    assert shown(facts_without_cells)["Cells"] == "0"
