import numpy as np
import pytest

from hpa.core.errors import InputError
from hpa.inference.rules.nucleus import NucleusRule
from tests.inference.rules.fields import field_of

RULE = NucleusRule(full_share=0.5, min_share=0.1)


def strips():
    """Four cells of two rows each: one at the edge above, two inside, one at the edge below."""
    cells = np.zeros((10, 12), np.int32)
    for number, (top, left) in enumerate([(0, 1), (2, 1), (5, 1), (8, 1)], start=1):
        cells[top : top + 2, left : left + 10] = number
    return cells


def nuclei_of(widths):
    nuclei, cells = np.zeros((10, 12), np.int32), strips()
    for number, width in enumerate(widths, start=1):
        rows = np.flatnonzero((cells == number).any(axis=1))
        nuclei[rows, 1 : 1 + width] = number
    return nuclei


@pytest.mark.parametrize(
    ("widths", "shares"),
    [
        ((8, 8, 8, 8), (1, 1, 1, 1)),
        ((2, 8, 8, 4), (0.5, 1, 1, 1)),  # cut to a quarter and to half of the median
        ((8, 0, 8, 8), (1, 0.1, 1, 1)),  # missing inside
        ((0, 8, 8, 0), (0.1, 1, 1, 0.1)),  # missing at the edge
        ((8, 2, 8, 8), (1, 1, 1, 1)),  # small inside: a small nucleus is no cut one
        ((8, 0, 0, 2), (1, 0.1, 0.1, 0.8)),  # none inside: compared with those at the edge
        ((0, 0, 0, 0), (1, 1, 1, 1)),
    ],
)
def test_cut_and_missing_nuclei_rank_lower(widths, shares):
    found = RULE(field_of(strips(), nuclei_of(widths)), np.ones((4, 2), np.float32))
    np.testing.assert_allclose(found, np.repeat(np.array(shares)[:, None], 2, axis=1), rtol=1e-6)


def test_a_segmenter_without_nuclei_is_refused_naming_those_with():
    with pytest.raises(InputError, match="segmenter=watershed"):
        RULE(field_of(strips()), np.ones((4, 2), np.float32))


@pytest.mark.parametrize("values", [(0.0, 0.1), (0.5, 0.0), (0.5, 1.5), (float("nan"), 0.1)])
def test_numbers_that_make_no_sense_are_refused(values):
    with pytest.raises(InputError, match="full_share > 0"):
        NucleusRule(*values)
