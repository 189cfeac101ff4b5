import numpy as np
from hypothesis import given

from hpa.inference.rules.not_negative import NotNegativeRule
from tests.inference.rules.fields import cases, field_and_confidences


@given(case=cases())
def test_locations_keep_what_the_negative_class_leaves(case):
    field, confidences = field_and_confidences(case)
    found = NotNegativeRule(negative_class=0)(field, confidences)
    assert np.array_equal(found[:, 0], confidences[:, 0])
    for before, after in zip(confidences, found, strict=True):
        np.testing.assert_allclose(after[1:], [value * (1 - before[0]) for value in before[1:]], rtol=1e-6)


@given(case=cases())
def test_the_order_of_a_cells_locations_is_kept(case):
    field, confidences = field_and_confidences(case)
    found = NotNegativeRule(negative_class=3)(field, confidences)
    for before, after in zip(confidences[:, :3], found[:, :3], strict=True):
        assert (np.diff(after[np.argsort(before)]) >= 0).all()
