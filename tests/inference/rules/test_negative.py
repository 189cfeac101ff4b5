import pytest
from hypothesis import given, settings

from hpa.core.errors import InputError
from hpa.inference.rules.negative import NegativeRule
from hpa.inference.rules.not_negative import NotNegativeRule
from tests.inference.rules.fields import cases, field_and_confidences


@given(case=cases())
def test_the_negative_class_is_what_the_most_probable_location_leaves(case):
    field, confidences = field_and_confidences(case)
    found = NegativeRule(negative_class=2)(field, confidences)
    for before, after in zip(confidences, found, strict=True):
        others = [before[0], before[1], before[3]]
        assert after[2] == min(1 - value for value in others) == 1 - max(others)
        assert after[[0, 1, 3]].tolist() == others


@pytest.mark.parametrize("kind", [NegativeRule, NotNegativeRule])
@pytest.mark.parametrize("negative_class", [-1, 4, 18])
@given(case=cases())
@settings(max_examples=10)  # what the cells are makes no difference
def test_a_class_that_does_not_exist_is_reported(kind, negative_class, case):
    with pytest.raises(InputError, match="there are 4 classes"):
        kind(negative_class)(*field_and_confidences(case))
