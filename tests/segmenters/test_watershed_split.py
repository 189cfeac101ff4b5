import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from hpa.segmenters.watershed_split import split_touching


def discs(distance: float, radius: float = 12) -> np.ndarray:
    rows, columns = np.mgrid[:60, :100]
    return np.any([np.hypot(rows - 30, columns - c) <= radius for c in (30, 30 + distance)], axis=0)


@pytest.mark.parametrize(("distance", "parts"), [(0, 1), (6, 1), (19, 2), (22, 2), (30, 2)])
def test_two_discs_are_parted_where_they_have_a_waist(distance: float, parts: int) -> None:
    assert split_touching(discs(distance), 3.0, 0.85).max() == parts


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), share=st.floats(0, 1))
def test_parts_are_whole_components_or_pieces_of_one(seed: int, share: float) -> None:
    mask = np.random.default_rng(seed).random((23, 31)) < 0.6
    parts = split_touching(mask, 1.0, share)
    assert not parts[~mask].any()
    count = int(parts.max())
    assert set(np.unique(parts)) - {0} == set(range(1, count + 1))
    components, number_of_components = ndimage.label(mask)
    for component in range(1, number_of_components + 1):
        inside = parts[components == component]
        assert inside.all() or not inside.any()
    for part in range(1, count + 1):
        assert len(np.unique(components[parts == part])) == 1


def test_more_merging_never_gives_more_parts() -> None:
    mask = np.random.default_rng(3).random((60, 60)) < 0.7
    counts = [split_touching(mask, 1.0, share).max() for share in (0.0, 0.5, 0.8, 0.95, 1.0)]
    assert counts == sorted(counts)
