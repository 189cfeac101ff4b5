import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hpa.simulation.outline import BINS
from hpa.simulation.tissue.materials import Blob, Materials, between, spots_of


def disc(x_um: float, y_um: float, radius_um: float) -> Blob:
    return Blob(x_um, y_um, np.full(BINS, radius_um))


@given(st.floats(-20, 80), st.floats(-20, 60), st.floats(2, 25), st.floats(0.5, 3))
def test_depth_is_the_distance_from_the_border_wherever_a_disc_lies(x_um, y_um, radius_um, pixel_um):
    section = Materials.blank((40, 60), pixel_um, 0.0, 0.0, 0.0)
    rows, columns = (np.mgrid[:40, :60] + 0.5) * pixel_um
    distance = np.hypot(columns - x_um, rows - y_um)
    for spot in spots_of([disc(x_um, y_um, radius_um)], section):
        far = distance[spot.window] > 0.05 * radius_um  # at the very centre the depth is cut
        np.testing.assert_allclose(spot.depth_um[far], (radius_um - distance[spot.window])[far], atol=0.05)
        section.ftu_mask[spot.window] = True
    assert section.ftu_mask[distance < radius_um].all()


def test_a_material_is_put_between_two_depths_only():
    section = Materials.blank((60, 60), 1.0, 0.5, 0.0, 0.0)
    for spot in spots_of([disc(30.0, 30.0, 20.0)], section):
        spot.put(section.cytoplasm, 1.0, 4.0, 10.0)
    rows, columns = np.mgrid[:60, :60] + 0.5
    depth = 20 - np.hypot(columns - 30, rows - 30)
    np.testing.assert_allclose(section.cytoplasm[(depth > 5.2) & (depth < 8.8)], 1, atol=1e-3)
    np.testing.assert_allclose(section.cytoplasm[(depth < 2.8) | (depth > 11.2)], 0.5, atol=1e-3)


@given(st.floats(-50, 50), st.floats(0, 20))
def test_a_band_is_full_inside_empty_outside_and_half_at_its_edges(low, width):
    depth = np.array([[low, low - 3, low + width + 3]], np.float32)
    band = between(depth, low, low + width + 10)
    assert abs(band[0, 0] - 0.5) < 0.01
    assert band[0, 1] == 0
    assert band[0, 2] == 1
