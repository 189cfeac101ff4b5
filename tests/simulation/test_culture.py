import itertools

import numpy as np
import pytest

from hpa.simulation.cell_lines import CELL_LINES
from hpa.simulation.culture import Phase, grow_culture

FIELD_UM = 163.84


@pytest.mark.parametrize("line", CELL_LINES, ids=lambda line: line.name)
def test_nuclei_lie_apart_inside_their_cells(line):
    cells = grow_culture(np.random.default_rng(0), line, FIELD_UM, FIELD_UM, 0.05, one_divides=False)
    for cell in cells:
        assert (cell.outline_um > cell.nucleus_um + 2).all()
    for one, other in itertools.combinations(cells, 2):
        assert np.hypot(one.x_um - other.x_um, one.y_um - other.y_um) > one.nucleus_um.mean() + other.nucleus_um.mean()


def test_cells_grow_through_the_cycle_and_round_up_for_mitosis():
    cells = [
        cell
        for seed in range(10)
        for cell in grow_culture(np.random.default_rng(seed), CELL_LINES[0], FIELD_UM, FIELD_UM, 0.1, one_divides=False)
    ]
    nucleus = {phase: np.mean([c.nucleus_um.mean() for c in cells if c.phase is phase]) for phase in Phase}
    assert nucleus[Phase.G1] < nucleus[Phase.S] < nucleus[Phase.G2]
    unevenness = {phase: np.mean([np.ptp(c.outline_um) for c in cells if c.phase is phase]) for phase in Phase}
    assert unevenness[Phase.M] < 0.3 * unevenness[Phase.G1]


def test_a_dividing_cell_lies_in_the_field_where_one_is_required():
    for seed in range(20):
        cells = grow_culture(np.random.default_rng(seed), CELL_LINES[seed % 6], FIELD_UM, FIELD_UM, 0.0, True)
        dividing = [cell for cell in cells if cell.phase is Phase.M]
        assert len(dividing) == 1
        assert 0 < dividing[0].x_um < FIELD_UM
        assert dividing[0].expression >= 0
