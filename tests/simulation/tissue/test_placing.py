import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hpa.simulation.tissue.placing import away_from, packed, scattered

SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS, st.lists(st.floats(1, 30), max_size=12), st.floats(0, 10))
def test_scattered_discs_keep_their_distance_and_the_first_always_finds_room(seed, radii, gap):
    placed = scattered(np.random.default_rng(seed), (80.0, 120.0), radii, gap)
    for number, (x, y, radius) in enumerate(placed):
        assert 0 <= x <= 120
        assert 0 <= y <= 80
        for x2, y2, radius2 in placed[:number]:
            assert np.hypot(x - x2, y - y2) >= radius + radius2 + gap
    assert bool(placed) == bool(radii)


@given(SEEDS, st.floats(5, 40))
def test_a_lattice_covers_the_section_up_to_its_edges(seed, spacing):
    places = packed(np.random.default_rng(seed), (90.0, 130.0), spacing, 0.0)
    rows, columns = np.mgrid[0:90:5, 0:130:5]
    nearest = np.min(np.hypot(columns[..., None] - places[:, 0], rows[..., None] - places[:, 1]), axis=2)
    assert nearest.max() <= 0.62 * spacing  # of a hexagonal lattice: spacing / sqrt(3)


def test_places_near_discs_are_left_out():
    places = np.array([[0.0, 0.0], [10.0, 0.0], [20.0, 0.0]])
    assert away_from(places, [(0.0, 0.0, 6.0)], 4.0).tolist() == [[10, 0], [20, 0]]
