import numpy as np
import pytest

from hpa.core.errors import InputError
from hpa.pixels.stain.profile import StainProfile
from tests.pixels.stained_sections import EOSIN, HAEMATOXYLIN


def test_amounts_of_a_mixture_are_found_again():
    profile = StainProfile([HAEMATOXYLIN, EOSIN], [1.0, 1.0])
    amounts = np.random.default_rng(0).random((5, 4, 2), np.float32)
    np.testing.assert_allclose(profile.amounts(amounts @ profile.vectors), amounts, atol=1e-5)


def test_only_the_ratio_of_a_vector_counts():
    one, other = StainProfile([HAEMATOXYLIN, EOSIN], [1.0, 1.0]), StainProfile([[6.5, 7.0, 2.9], EOSIN], [1.0, 1.0])
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
        StainProfile(vectors, strengths)
