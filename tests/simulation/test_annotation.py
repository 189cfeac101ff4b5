import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from hpa.core.errors import InputError
from hpa.simulation.annotation import AnnotationNoise
from hpa.simulation.label_rates import label_rates

rates = st.floats(0, 0.6)


def labels_of(noise, shown, count):
    return [noise.labels(np.random.default_rng((5, index)), shown) for index in range(count)]


@given(missed=rates, invented=rates)
def test_realised_rates_equal_the_given_ones(missed, invented):
    """Two certain classes leave no image without label, so that nothing is drawn again."""
    noise = AnnotationNoise((0.0, missed, 0.0), (0.0, 0.0, invented))
    pairs = [(labels, (0, 1)) for labels in labels_of(noise, [0, 1], 400)]
    certain, shown, absent = (label_rates(pairs, number) for number in range(3))
    for rate, count in ((missed, shown.missed), (invented, absent.invented)):
        assert binom.ppf(1e-9, 400, rate) <= count <= binom.isf(1e-9, 400, rate)
    assert (certain.missed, certain.showing, certain.without) == (0, 400, 0)
    assert (absent.showing, absent.without) == (0, 400)


def test_classes_left_out_together_are():
    noise = AnnotationNoise((0.0,) * 4, (0.0,) * 4, main_only=0.3)
    found = [tuple(labels) for labels in labels_of(noise, [2, 0, 1], 500)]
    assert set(found) == {(2,), (2, 0, 1)}
    assert binom.ppf(1e-9, 500, 0.3) <= found.count((2,)) <= binom.isf(1e-9, 500, 0.3)


def test_no_image_is_without_label():
    noise = AnnotationNoise((0.9, 0.9), (0.0, 0.0))
    assert {tuple(labels) for labels in labels_of(noise, [1], 200)} == {(1,)}


def test_an_annotator_without_errors_names_what_is_shown():
    assert labels_of(AnnotationNoise.none(5), [3, 1], 3) == [[3, 1]] * 3


@pytest.mark.parametrize("values", [((1.0,), (0.0,), 0.0), ((0.0,), (-0.1,), 0.0), ((0.0,), (0.0,), float("nan"))])
def test_what_is_no_rate_is_refused(values):
    with pytest.raises(InputError, match="from 0 to below 1"):
        AnnotationNoise(*values)
