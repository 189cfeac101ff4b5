import cv2
import numpy as np
import pytest

from hpa.intake.debris import debris_of


@pytest.fixture
def cells():
    """Return green cells with blue nuclei on a grid, and the foreground of both."""
    planes = [np.full((256, 256), 5, np.float32) for _ in range(2)]
    for row in range(32, 256, 64):
        for column in range(32, 256, 64):
            cv2.circle(planes[0], (column, row), 22, 80, cv2.FILLED)
            cv2.circle(planes[1], (column, row), 12, 90, cv2.FILLED)
    for plane in planes:
        plane[0, 0] = 255  # a hot pixel: the brightest there is tells nothing
    return planes, [plane > 40 for plane in planes]


def share(cells):
    return debris_of(*cells, 2.0)[0] * 256**2


def test_cells_are_no_debris_be_some_bright(cells):
    planes, _ = cells
    assert share(cells) == 0
    cv2.circle(planes[0], (96, 96), 22, 190, cv2.FILLED)  # makes much protein
    cv2.ellipse(planes[1], (160, 160), (10, 5), 30, 0, 360, 250, cv2.FILLED)  # chromosomes of a dividing cell
    assert share(cells) == 0


def test_a_clump_of_the_size_of_a_nucleus_is_found_over_cells_too(cells):
    planes, foregrounds = cells
    cv2.circle(planes[1], (100, 100), 14, 250, cv2.FILLED)
    foregrounds[1] |= planes[1] > 40
    assert share(cells) == pytest.approx(np.pi * 14**2, rel=0.1)


@pytest.mark.parametrize("channels", [(0,), (1,), (0, 1)])
def test_a_fibre_is_found_wherever_it_glows(cells, channels):
    planes, foregrounds = cells
    for channel in channels:
        cv2.line(planes[channel], (0, 20), (255, 140), 250, 5)
        foregrounds[channel] |= planes[channel] > 40
    assert share(cells) > 800


def test_what_lies_between_cells_in_one_channel_is_dirt(cells):
    planes, foregrounds = cells
    cv2.circle(planes[0], (64, 64), 9, 250, cv2.FILLED)
    foregrounds[0] |= planes[0] > 40
    assert share(cells) == pytest.approx(np.pi * 9**2, rel=0.2)
    left, top, width, height = debris_of(*cells, 2.0)[1]
    assert (left + width // 2, top + height // 2) == (64, 64)
    assert 17 <= width == height <= 19


def test_a_cell_that_rounds_up_to_divide_is_no_debris_in_stains_of_the_cytoplasm(cells):
    planes, _ = cells
    planes.append(np.full((256, 256), 5, np.float32))  # a third stain, wider than the first: actin around a reticulum
    for row in range(32, 256, 64):
        for column in range(32, 256, 64):
            cv2.circle(planes[2], (column, row), 30, 60, cv2.FILLED)
    cv2.circle(planes[0], (96, 96), 20, 230, cv2.FILLED)
    cv2.circle(planes[2], (96, 96), 24, 160, cv2.FILLED)
    assert share((planes, [plane > 40 for plane in planes])) == 0
    cv2.circle(planes[1], (160, 160), 14, 250, cv2.FILLED)  # twice the DNA before division on the area of a nucleus
    assert share((planes, [plane > 40 for plane in planes])) > 500


def test_an_image_without_anything_has_none():
    nothing = np.zeros((32, 32), np.float32)
    assert debris_of([nothing, nothing], [nothing > 0] * 2, 2.0) == (0, None)
