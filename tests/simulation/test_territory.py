import cv2
import numpy as np
import pytest

from hpa.simulation.territory import divide


@pytest.mark.parametrize("pixel_um", [0.16, 0.32, 1.28])
def test_each_cell_is_one_piece_around_its_nucleus(make_culture, pixel_um):
    cells = make_culture(seed=3, mitotic_share=0.1)
    side = round(163.84 / pixel_um)
    territory = divide(cells, side, side, pixel_um)
    for number in range(1, len(cells) + 1):
        body = territory.cells == number
        pieces, _ = cv2.connectedComponents(body.astype(np.uint8), connectivity=4)
        assert pieces == 2
        nucleus = territory.nuclei == number
        assert nucleus.any()
        assert (territory.cells[nucleus] == number).mean() > 0.95


def test_neighbours_touch_and_gaps_remain(make_culture):
    territory = divide(make_culture(seed=1), 512, 512, 0.32)
    left, right = territory.cells[:, :-1], territory.cells[:, 1:]
    assert ((left != right) & (left > 0) & (right > 0)).sum() > 100
    assert 0.05 < (territory.inner(territory.cells) == 0).mean() < 0.8


def test_areas_are_the_same_at_every_pixel_size(make_culture):
    cells = make_culture(seed=2)
    areas = [
        np.bincount(divide(cells, side, side, 163.84 / side).cells.ravel(), minlength=len(cells) + 1)[1:]
        * (163.84 / side) ** 2
        for side in (256, 1024)
    ]
    np.testing.assert_allclose(areas[0], areas[1], rtol=0.1, atol=20)
