from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.core.planes import PlaneSpec
from hpa.inference.ensemble import Ensemble
from hpa.inference.joins import GeometricJoin, MeanJoin
from hpa.inference.tissue import member
from hpa.inference.tissue.member import TissueMember, combine_maps


class Redness:
    """Predicts for each pixel how red it is, and remembers the size of what it was shown."""

    def __init__(self):
        self.shape = ()

    def probabilities(self, planes):
        self.shape = planes.shape
        return planes[0]


def spec(pixel_um=None):
    return PlaneSpec(pixel_um, False, 1.0, 99.0)


def field_of(height=40, width=60, pixel_um=0.5):
    rows = np.linspace(0, 255, height).astype(np.uint8)[:, None].repeat(width, axis=1)
    return Field("section", np.stack([rows, rows // 2, rows // 3]), ("red", "green", "blue"), pixel_um)


def test_a_member_sees_its_own_pixel_size_and_predicts_at_that_of_the_image():
    predictor = Redness()
    [found] = TissueMember(predictor, spec(1.0), ("red", "blue")).predict([field_of()])
    assert predictor.shape == (2, 20, 30)
    assert found.shape == (40, 60)
    np.testing.assert_allclose(found, field_of().pixels[0] / 255, atol=0.03)


def test_a_member_names_what_it_lacks():
    with pytest.raises(InputError, match="pixel_um"):
        TissueMember(Redness(), spec(1.0), ("red",)).predict([field_of(pixel_um=float("nan"))])
    with pytest.raises(InputError, match="yellow"):
        TissueMember(Redness(), spec(), ("yellow",)).predict([field_of()])


def test_an_ensemble_of_one_is_the_member_and_of_two_their_mean():
    red, blue = (TissueMember(Redness(), spec(), (channel,)) for channel in ("red", "blue"))
    [of_red], [of_blue] = (one.predict([field_of()]) for one in (red, blue))
    [alone] = Ensemble([red], partial(combine_maps, join=MeanJoin(1, None))).predict([field_of()])
    np.testing.assert_array_equal(alone, of_red)
    [both] = Ensemble([red, blue], partial(combine_maps, join=MeanJoin(2, None))).predict([field_of()])
    np.testing.assert_allclose(both, (of_red + of_blue) / 2, atol=1e-6)


@given(st.integers(2, 4), st.integers(1, 9), st.integers(1, 9), st.integers(0, 99))
def test_combining_in_parts_is_combining_at_once(members, height, width, seed):
    maps = list(np.random.default_rng(seed).random((members, height, width)).astype(np.float32))
    expected = np.exp(np.log(np.stack(maps, dtype=np.float64)).mean(axis=0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(member, "_PIXELS_AT_ONCE", 7)
        np.testing.assert_allclose(combine_maps(maps, GeometricJoin(members, None)), expected, rtol=1e-5)
