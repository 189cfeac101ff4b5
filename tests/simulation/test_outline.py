import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hpa.simulation.outline import BINS, relative_distance, wavy_outline, with_protrusions


@given(radius=st.floats(3, 30), elongation=st.floats(1, 3), angle=st.floats(0, 3.14))
@settings(max_examples=30, deadline=None)
def test_a_smooth_outline_is_an_ellipse_of_the_given_area(radius, elongation, angle):
    outline = wavy_outline(np.random.default_rng(0), radius, elongation, angle, 0.0)
    area = 0.5 * (outline**2).mean() * 2 * np.pi
    np.testing.assert_allclose(area, np.pi * radius**2, rtol=1e-3)
    np.testing.assert_allclose(outline.max() / outline.min(), elongation, rtol=1e-2)


def test_protrusions_only_add():
    smooth = wavy_outline(np.random.default_rng(0), 10.0, 1.5, 0.4, 0.1)
    longer = with_protrusions(np.random.default_rng(1), smooth, 3, 5.0)
    assert (longer >= smooth).all()
    assert (longer - smooth).max() > 2


def test_relative_distance_is_one_on_the_outline():
    outline = wavy_outline(np.random.default_rng(2), 10.0, 1.6, 0.3, 0.1)
    angles = (np.arange(BINS) + 0.5) * 2 * np.pi / BINS
    x = (outline * np.cos(angles)).astype(np.float32)[None]
    y = (outline * np.sin(angles)).astype(np.float32)[None]
    np.testing.assert_allclose(relative_distance(x, y, outline), 1, atol=1e-3)
