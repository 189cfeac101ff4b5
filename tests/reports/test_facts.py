import numpy as np
import pytest

from hpa.core.errors import InputError


def test_the_cells_own_labels_are_the_truth_where_any_is_known(facts_with, facts):
    assert facts.truth_is_of_cells
    assert facts.truth is facts.cell_targets
    unknown = np.full_like(facts.cell_targets, np.nan)
    for other in (facts_with(cell_targets=None), facts_with(cell_targets=unknown)):
        assert not other.truth_is_of_cells
        assert other.truth is other.image_targets
        assert other.has_truth.all()


def test_only_known_truth_and_finite_predictions_have_ground_truth(facts_with, facts):
    truth, probabilities = facts.cell_targets.copy(), facts.probabilities.copy()
    truth[1], probabilities[2, 0] = np.nan, np.inf
    assert np.flatnonzero(~facts_with(cell_targets=truth, probabilities=probabilities).has_truth).tolist() == [1, 2]


def test_names_of_a_row(facts):
    assert facts.classes_in(np.array([0.0, 1.0, 0.0, 1.0])) == (
        ("Golgi apparatus", facts.class_styles[1]),
        ("Negative", facts.class_styles[3]),
    )
    assert facts.classes_in(np.full(4, np.nan)) == ()


def test_parts_that_do_not_fit_are_refused(facts_with, facts):
    with pytest.raises(InputError, match="one row a cell"):
        facts_with(cells=facts.cells.iloc[:3])
    with pytest.raises(InputError, match="one column and style a class"):
        facts_with(class_styles=facts.class_styles[:1])
    with pytest.raises(InputError, match=r"history\.val_loss"):
        facts_with(history=facts.history.drop(columns="val_loss"))
