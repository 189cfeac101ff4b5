import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hpa.models.target.scored import scored_instances

REGIONS = arrays(np.int32, (7, 9), elements=st.integers(0, 12))


@given(REGIONS, st.integers(1, 8), st.integers(0, 1000))
def test_scores_and_areas_are_those_of_the_regions_that_stay(regions, min_area_px, seed):
    inside = np.random.default_rng(seed).random(regions.shape).astype(np.float32)
    found = scored_instances(regions, inside, min_area_px)
    kept = [number for number in range(1, 13) if (regions == number).sum() >= min_area_px]
    assert len(found.scores) == len(found.classes) == len(kept)
    for position, number in enumerate(kept, start=1):
        np.testing.assert_array_equal(found.label_map == position, regions == number)
        np.testing.assert_allclose(found.scores[position - 1], inside[regions == number].mean(), rtol=1e-5)


def test_more_numbers_than_a_byte_and_than_two_bytes_hold():
    regions = np.arange(1, 70_001, dtype=np.int32).reshape(280, 250)
    found = scored_instances(regions, np.full(regions.shape, 0.75, np.float32), 1)
    assert found.label_map.max() == len(found.scores) == 70_000
    assert (found.scores == 0.75).all()


def test_nothing_gives_nothing():
    found = scored_instances(np.zeros((1, 1), np.int32), np.zeros((1, 1), np.float32), 1)
    assert not found.label_map.any()
    assert found.scores.shape == found.classes.shape == (0,)
    assert found.scores.dtype == np.float32
