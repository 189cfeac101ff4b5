import numpy as np
import pytest

from hpa.reports.confusion import confusion_rows
from hpa.reports.cooccurrence import cooccurrence_rows


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


def test_classes_that_occur_together_are_counted_by_truth_and_by_predictions(facts):
    rows = cooccurrence_rows(facts)
    assert [row.name for row in rows] == ["Nucleoplasm", "Golgi apparatus", "Negative"]
    truth = facts.cell_targets > 0.5
    both = (truth[:, 0] & truth[:, 1]).sum()
    assert rows[0].true[1] == pytest.approx(both / truth[:, 0].sum())
    assert all(row.true[row.place] == row.predicted[row.place] == 1 for row in rows)
    assert all(0 <= share <= 1 for row in rows for share in row.predicted)
