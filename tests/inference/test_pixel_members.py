import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.core.planes import PlaneSpec
from hpa.inference import pixel_members
from hpa.inference.ensemble import GeometricEnsemble, MeanEnsemble
from hpa.inference.pixel_members import TissueEnsemble, TissueMember, joined


class Redness:
    """Says of each pixel how red it is, and remembers at what size it was asked."""

    def __init__(self):
        self.shape = ()

    def probabilities(self, planes):
        self.shape = planes.shape
        return planes[0]

    def predict(self, fields):
        raise NotImplementedError  # only makes it a member of an ensemble


def spec(pixel_um=None):
    return PlaneSpec(pixel_um, False, 1.0, 99.0)


def field_of(height=40, width=60, pixel_um=0.5):
    rows = np.linspace(0, 255, height).astype(np.uint8)[:, None].repeat(width, axis=1)
    return Field("section", np.stack([rows, rows // 2, rows // 3]), ("red", "green", "blue"), pixel_um)


def test_a_member_sees_its_own_pixel_size_and_speaks_at_that_of_the_image():
    predictor = Redness()
    said = TissueMember(predictor, spec(1.0), ("red", "blue")).probabilities(field_of())
    assert predictor.shape == (2, 20, 30)
    assert said.shape == (40, 60)
    np.testing.assert_allclose(said, field_of().pixels[0] / 255, atol=0.03)


def test_a_member_says_what_it_lacks():
    with pytest.raises(InputError, match="pixel_um"):
        TissueMember(Redness(), spec(1.0), ("red",)).probabilities(field_of(pixel_um=float("nan")))
    with pytest.raises(InputError, match="yellow"):
        TissueMember(Redness(), spec(), ("yellow",)).probabilities(field_of())


def test_an_ensemble_of_one_is_the_member_and_of_two_their_mean():
    red, blue = (TissueMember(Redness(), spec(), (channel,)) for channel in ("red", "blue"))
    alone = TissueEnsemble([red], MeanEnsemble([Redness()], None))
    np.testing.assert_array_equal(alone.probabilities(field_of()), red.probabilities(field_of()))
    both = TissueEnsemble([red, blue], MeanEnsemble([Redness(), Redness()], None)).probabilities(field_of())
    expected = (red.probabilities(field_of()) + blue.probabilities(field_of())) / 2
    np.testing.assert_allclose(both, expected, atol=1e-6)


@given(st.integers(2, 4), st.integers(1, 9), st.integers(1, 9), st.integers(0, 99))
def test_joining_in_parts_is_joining_at_once(members, height, width, seed):
    maps = list(np.random.default_rng(seed).random((members, height, width)).astype(np.float32))
    ensemble = GeometricEnsemble([Redness()] * members, None)
    expected = np.exp(np.log(np.stack(maps, dtype=np.float64)).mean(axis=0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pixel_members, "_ROWS", 7)
        np.testing.assert_allclose(joined(maps, ensemble), expected, rtol=1e-5)
