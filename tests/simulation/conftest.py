"""Cells and worlds that several tests look at."""

import numpy as np
import pytest

from hpa.simulation.anatomy import Anatomy, dissect
from hpa.simulation.cell_lines import CELL_LINES
from hpa.simulation.competition import write_competition
from hpa.simulation.culture import Cell, Phase, grow_culture
from hpa.simulation.territory import divide

PIXEL_UM = 0.32


def culture(seed: int, mitotic_share: float = 0.0) -> list[Cell]:
    rng = np.random.default_rng(seed)
    return grow_culture(rng, CELL_LINES[seed % len(CELL_LINES)], 163.84, 163.84, mitotic_share, one_divides=False)


def anatomies(seed: int, mitotic_share: float = 0.0) -> list[Anatomy]:
    """Return the cells of one culture whose nucleus lies well inside the field."""
    cells = culture(seed, mitotic_share)
    territory = divide(cells, 512, 512, PIXEL_UM)
    return [
        dissect(np.random.default_rng((seed, index)), cells, territory, index)
        for index, cell in enumerate(cells)
        if 20 < cell.x_um < 140 and 20 < cell.y_um < 140
    ]


@pytest.fixture(scope="session")
def make_culture():
    return culture


@pytest.fixture(scope="session")
def resting_cells() -> list[Anatomy]:
    return [anatomy for seed in range(3) for anatomy in anatomies(seed)]


@pytest.fixture(scope="session")
def dividing_cells() -> list[Anatomy]:
    cells = [anatomy for seed in range(2) for anatomy in anatomies(seed, mitotic_share=1.0)]
    assert all(anatomy.cell.phase is Phase.M for anatomy in cells)
    return cells


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("synthetic") / "world"
    write_competition(folder, images=8, side_px=(96, 128), seed=5, test_images=3)
    return folder
