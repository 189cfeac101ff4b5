import pytest

from hpa.simulation.culture import FIELD_UM
from hpa.simulation.label_noise import copy_noise
from hpa.simulation.synthetic_field import plan_field


def test_figures_of_a_case_by_hand():
    noise = copy_noise([((0, 16), [(0, 16), (0,), (18,)]), ((18,), [(18,)]), ((5,), [(5, 16)])])
    assert noise.cells == 4
    assert noise.precision == pytest.approx(4 / 7)
    assert noise.recall == pytest.approx(4 / 6)
    assert noise.equal_sets == pytest.approx(1 / 4)
    assert noise.negative_cells == pytest.approx(1 / 4)


def test_nothing_gives_zeros():
    assert copy_noise([]).precision == 0


def planned(seed, split, index):
    """Return labels and cells of a field, those cells whose nucleus it shows."""
    plan = plan_field(seed, split, index, FIELD_UM)
    inside = [0 < cell.x_um < FIELD_UM and 0 < cell.y_um < FIELD_UM for cell in plan.cells]
    return plan.classes, [kinds for kinds, is_inside in zip(plan.cell_classes, inside, strict=True) if is_inside]


@pytest.mark.thorough
def test_label_noise_is_no_lower_than_on_annotated_cells():
    """Le et al. 2022, 5,090 cells."""
    noise = copy_noise(planned(0, split, index) for split in ("train", "test") for index in range(76))
    assert noise.precision <= 0.655
    assert noise.recall <= 0.905
    assert noise.equal_sets <= 0.48
    assert noise.negative_cells >= 0.103
    # and not hopeless: most of what a label says is true of most cells
    assert noise.precision >= 0.5
    assert noise.recall >= 0.65
