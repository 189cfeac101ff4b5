import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpa.metrics.localisation import average_precision, average_precision_per_class
from hpa.reports.lost_precision import costs_of_class, lost_precision


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=30))
def test_costs_of_cells_add_up_to_what_average_precision_lacks(cells):
    confidences = np.array([confidence / 4 for confidence, _ in cells])
    positive = np.array([is_positive for _, is_positive in cells])
    positive[0] = True
    lacking = 1 - average_precision(confidences, positive)
    caused, suffered = costs_of_class(confidences, positive)
    assert caused.sum() == pytest.approx(lacking)
    assert suffered.sum() == pytest.approx(lacking)
    assert not caused[positive].any()
    assert not suffered[~positive].any()


def test_classes_and_pairs_add_up_to_what_the_mean_lacks(facts):
    lost = lost_precision(facts)
    lacking = 1 - np.nanmean(average_precision_per_class(facts.probabilities, facts.cell_targets))
    assert lost.total == pytest.approx(lacking)
    assert sum(cost for _, _, cost in lost.classes) == pytest.approx(lacking)
    assert sum(pair.cost for pair in lost.pairs) <= lacking + 1e-9
    costs = [cell.cost for cell in lost.false_positives]
    assert costs == sorted(costs, reverse=True)
    for cell in lost.false_positives:
        assert cell.name not in [name for name, _ in cell.truth]
    for cell in lost.missed:
        assert cell.name in [name for name, _ in cell.truth]


def test_of_cells_without_ground_truth_nothing_is_lost(facts_without_cells):
    assert lost_precision(facts_without_cells) is None
