import numpy as np
import pytest
from PIL import ImageColor

from hpa.reports.overlays import BOTH, MASK_SIDE_PX, PREDICTION, TRUTH, instances_overlay, masks_overlay


def count(picture, colour):
    return int((picture == ImageColor.getrgb(getattr(colour, "colour", colour))).all(axis=2).sum())


def box(top, bottom, left, right, side=MASK_SIDE_PX):
    mask = np.zeros((side, side), bool)
    mask[top:bottom, left:right] = True
    return mask


WHITE = np.full((MASK_SIDE_PX, MASK_SIDE_PX, 3), 255, np.uint8)
EMPTY = np.zeros((MASK_SIDE_PX, MASK_SIDE_PX), bool)
LINE = 100**2 - 96**2


def test_missed_false_positive_and_found_have_their_colours():
    mask = box(100, 200, 100, 200)
    assert count(masks_overlay(WHITE, mask, EMPTY), TRUTH) == LINE
    assert count(masks_overlay(WHITE, EMPTY, mask), PREDICTION) == LINE
    found = masks_overlay(WHITE, mask, mask)
    assert count(found, BOTH) == LINE
    assert count(found, TRUTH) == count(found, PREDICTION) == 0
    apart = masks_overlay(WHITE, mask, box(300, 400, 300, 400))
    assert count(apart, TRUTH) == count(apart, PREDICTION) == LINE


def test_holes_have_lines_and_the_edge_of_the_picture_has_none():
    ring = box(100, 300, 100, 300)
    ring[150:250, 150:250] = False
    assert count(masks_overlay(WHITE, ring, EMPTY), TRUTH) == (200**2 - 196**2) + (104**2 - 100**2)
    assert count(masks_overlay(WHITE, ~EMPTY, EMPTY), TRUTH) == 0


def test_lines_are_visible_on_any_background():
    for shade in (255, 128, 0):
        drawn = masks_overlay(np.full_like(WHITE, shade), box(100, 200, 100, 200), EMPTY)
        assert drawn[100, 150].tolist() == list(ImageColor.getrgb(TRUTH.colour))
        assert drawn[99, 150].max() <= 0.4 * shade + 1


@pytest.mark.parametrize(("height", "width"), [(20, 30), (1000, 700), (1, 1), (MASK_SIDE_PX, 5)])
def test_any_size_is_fitted(height, width):
    mask = np.ones((height, width), bool)
    drawn = masks_overlay(np.zeros((height, width, 3), np.uint8), mask, ~mask)
    assert max(drawn.shape[:2]) == MASK_SIDE_PX
    assert drawn.dtype == np.uint8


def test_instances_are_blue_where_missed_gold_where_false_and_both_where_found():
    missed, found, false = np.zeros((3, 60, 60), np.int32)
    missed[5:25, 5:25] = found[35:55, 35:55] = false[5:25, 35:55] = 1
    drawn = instances_overlay(np.zeros((60, 60, 3), np.uint8), missed + 2 * found, false + 2 * found)
    red, blue = drawn[..., 0].astype(int), drawn[..., 2].astype(int)
    gold, blue = red > blue + 80, blue > red + 80
    assert blue[missed > 0].any()
    assert not gold[missed > 0].any()
    assert gold[false > 0].any()
    assert not blue[false > 0].any()
    assert blue[found > 0].any()
    assert gold[found > 0].any()
