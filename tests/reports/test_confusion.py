import numpy as np
import pytest

from hpa.reports.confusion import confusion_rows


def test_rows_are_means_over_cells_of_one_class_alone(facts):
    rows = {row.index: row for row in confusion_rows(facts)}
    assert set(rows) == {0, 1, 3}
    for index, row in rows.items():
        chosen = [
            probabilities
            for truth, probabilities in zip(facts.cell_targets, facts.probabilities, strict=True)
            if truth.sum() == 1 and truth[index] == 1
        ]
        assert row.cells == len(chosen)
        assert row.confidences == pytest.approx(np.mean(chosen, axis=0), abs=1e-6)


def test_no_cells_give_no_rows(facts_without_cells):
    assert confusion_rows(facts_without_cells) == []
