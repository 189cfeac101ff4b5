import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.filters import threshold_otsu

from hpa.segmenters.hpa_cell import criteria
from hpa.segmenters.hpa_cell.criteria import cell_region, pixels_of


@given(body=arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_cell_region_is_the_rule_on_the_image_itself(body: np.ndarray) -> None:
    threshold = max(0.22, 0.5 * threshold_otsu(body / 255))
    np.testing.assert_array_equal(cell_region(body), body / 255 > threshold)


@pytest.mark.parametrize(
    ("area_um2", "pixels"),
    [
        (criteria.SEED_UM2, 500),
        (criteria.NUCLEUS_UM2, 2500),
        (criteria.CELL_UM2, 5500),
        (criteria.HOLE_UM2, 1000),
        (criteria.SPECK_UM2, 8),
    ],
)
def test_sizes_are_the_original_ones_at_full_size(area_um2: float, pixels: int) -> None:
    assert pixels_of(area_um2, 0.08) == pixels
    assert pixels_of(area_um2, 0.04) == 4 * pixels
    assert round(criteria.CLOSING_UM / 0.08) == 6


@pytest.mark.parametrize(
    ("level", "share"),
    [(criteria.SEED_BODY_LEVEL, 0.15), (criteria.NUCLEUS_BODY_LEVEL, 0.4), (criteria.CELL_BORDER_LEVEL, 0.05)],
)
def test_levels_are_the_first_beyond_their_share(level: int, share: float) -> None:
    assert level > share * 255 >= level - 1


def test_the_wall_is_the_first_level_that_leaves_no_more_than_a_twentieth() -> None:
    assert 1 - criteria.WALL_LEVEL / 255 <= 0.05 < 1 - (criteria.WALL_LEVEL - 1) / 255
