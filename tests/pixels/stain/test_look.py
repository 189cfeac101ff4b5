import numpy as np
import pytest

from hpa.core.errors import InputError
from hpa.pixels.stain.look import StainLook
from tests.pixels.stained_sections import EOSIN, HAEMATOXYLIN


def test_amounts_of_a_mixture_are_found_again():
    look = StainLook([HAEMATOXYLIN, EOSIN], [1.0, 1.0])
    amounts = np.random.default_rng(0).random((5, 4, 2), np.float32)
    np.testing.assert_allclose(look.amounts(amounts @ look.vectors), amounts, atol=1e-5)


def test_only_the_ratio_of_a_vector_counts():
    one, other = StainLook([HAEMATOXYLIN, EOSIN], [1.0, 1.0]), StainLook([[6.5, 7.0, 2.9], EOSIN], [1.0, 1.0])
    np.testing.assert_allclose(one.vectors, other.vectors, rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(one.vectors, axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("vectors", "strengths"),
    [
        ([HAEMATOXYLIN], [1.0]),
        ([HAEMATOXYLIN, [2 * value for value in HAEMATOXYLIN]], [1.0, 1.0]),
        ([HAEMATOXYLIN, [0.0, 0.0, 0.0]], [1.0, 1.0]),
        ([HAEMATOXYLIN, [-0.1, 1.0, 0.0]], [1.0, 1.0]),
        ([HAEMATOXYLIN, EOSIN], [1.0, 0.0]),
    ],
)
def test_what_are_no_two_stains_is_refused(vectors, strengths):
    with pytest.raises(InputError, match="two different stains"):
        StainLook(vectors, strengths)
