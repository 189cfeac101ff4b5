import cv2
import numpy as np
import pytest

from hpa.core.channels import CHANNELS
from hpa.simulation.culture import FIELD_UM
from hpa.simulation.positivity import SPINDLE
from hpa.simulation.synthetic_field import plan_field, render_field


def same(one, other):
    return np.array_equal(one.field.pixels, other.field.pixels)


def test_a_field_depends_on_seed_split_and_number_alone():
    fields = [render_field(*key, 64, 64) for key in ((0, "train", 0), (1, "train", 0), (0, "test", 0), (0, "train", 1))]
    again = render_field(0, "train", 0, 64, 64)
    assert same(fields[0], again)
    assert fields[0].cell_classes == again.cell_classes
    assert len({drawn.field.image_id for drawn in fields}) == 4
    assert not any(same(fields[0], other) for other in fields[1:])


@pytest.mark.parametrize(("height", "width"), [(32, 32), (96, 160), (200, 120)])
def test_any_shape(height, width):
    drawn = render_field(4, "train", 2, height, width)
    assert drawn.field.pixels.shape == (4, height, width)
    assert drawn.field.pixels.dtype == np.uint8
    assert drawn.field.channels == CHANNELS
    assert drawn.field.pixel_um == pytest.approx(FIELD_UM / width)
    assert drawn.cells.shape == drawn.nuclei.shape == (height, width)


def test_cells_are_numbered_without_gaps_and_each_has_a_nucleus_and_classes():
    for index in range(6):
        drawn = render_field(7, "train", index, 192, 192)
        numbers = np.unique(drawn.cells)
        assert numbers.tolist() == list(range(len(drawn.cell_classes) + 1))
        assert set(np.unique(drawn.nuclei)) == set(numbers)
        assert (drawn.cells[drawn.nuclei > 0] == drawn.nuclei[drawn.nuclei > 0]).all()
        assert all(kinds == tuple(sorted(set(kinds))) and kinds for kinds in drawn.cell_classes)


def test_the_culture_is_the_same_at_every_size():
    small, large = render_field(3, "train", 5, 128, 128), render_field(3, "train", 5, 512, 512)
    assert small.cell_classes == large.cell_classes
    shrunk = cv2.resize(large.cells, (128, 128), interpolation=cv2.INTER_NEAREST)
    assert (shrunk == small.cells).mean() > 0.93


@pytest.mark.slow
def test_fields_hold_ten_to_forty_cells_some_at_the_edge():
    fields = [render_field(9, "train", index, 64, 64) for index in range(16)]
    counts = np.array([len(drawn.cell_classes) for drawn in fields])
    assert 17 < counts.mean() < 25
    assert counts.min() >= 5
    assert counts.max() <= 45
    assert len({drawn.cell_line for drawn in fields}) >= 4
    assert all((drawn.cells[[0, -1]] > 0).any() or (drawn.cells[:, [0, -1]] > 0).any() for drawn in fields)


@pytest.mark.slow
def test_an_image_labelled_mitotic_spindle_holds_a_dividing_cell():
    plans = [plan_field(2, "train", index, FIELD_UM) for index in range(76)]
    spindles = [plan for plan in plans if SPINDLE in plan.classes]
    assert len(spindles) >= 2
    shown = sum(any(SPINDLE in kinds for kinds in plan.cell_classes) for plan in spindles)
    assert shown >= 0.7 * len(spindles)


def test_planes_hold_their_stains():
    """Blue lies in the nuclei, yellow and red in the cells and outside the nuclei."""
    for index in range(4):
        drawn = render_field(11, "train", index, 256, 256)
        red, blue, yellow = (drawn.field.plane(name).astype(float) for name in ("red", "blue", "yellow"))
        nucleus, body = drawn.nuclei > 0, drawn.cells > 0
        assert blue[nucleus].mean() > 5 * blue[~nucleus].mean()
        for plane in (red, yellow):
            assert plane[body & ~nucleus].mean() > 1.3 * plane[nucleus].mean()
            assert plane[body].mean() > 3 * plane[~body].mean()
