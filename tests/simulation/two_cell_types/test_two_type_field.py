import cv2
import numpy as np
import pytest

from hpa.core.label_map import areas_of, edge_contact_of
from hpa.simulation.two_cell_types import render_two_type_field
from hpa.simulation.two_cell_types.two_type_field import PIXEL_UM


@pytest.fixture(scope="module")
def fields():
    return {kind: render_two_type_field(3, kind, 0, 448, 480) for kind in ("HEK", "N2a", "Mixed")}


def roundness(mask):
    """Return area over that of the smallest circle around the mask."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    radius = cv2.minEnclosingCircle(max(contours, key=len))[1]
    return mask.sum() / (np.pi * radius**2)


def neighbours_share(label_map):
    """Return the share of cells that touch another one."""
    down = (label_map[1:] != label_map[:-1]) & (label_map[1:] > 0) & (label_map[:-1] > 0)
    right = (label_map[:, 1:] != label_map[:, :-1]) & (label_map[:, 1:] > 0) & (label_map[:, :-1] > 0)
    touching = {*label_map[1:][down], *label_map[:-1][down], *label_map[:, 1:][right], *label_map[:, :-1][right]}
    return len(touching) / label_map.max()


def test_the_truth_is_complete(fields):
    for field in fields.values():
        assert field.cells.shape == field.field.pixels.shape[1:] == (448, 480)
        assert field.cells.max() == len(field.classes) > 10
        assert (areas_of(field.cells) > 0).all()
        assert (field.cells[field.nuclei > 0] == field.nuclei[field.nuclei > 0]).all()
    assert set(fields["HEK"].classes) == {0}
    assert set(fields["N2a"].classes) == {1}
    assert set(fields["Mixed"].classes) == {0, 1}


def test_every_cell_is_one_piece(fields):
    for field in fields.values():
        inside = np.flatnonzero(edge_contact_of(field.cells) == 0) + 1
        pieces = [cv2.connectedComponents((field.cells == cell).astype(np.uint8))[0] - 1 for cell in inside]
        assert pieces == [1] * len(pieces)


def test_types_differ_as_the_cell_lines_do(fields):
    whole = {kind: np.flatnonzero(edge_contact_of(fields[kind].cells) == 0) + 1 for kind in ("HEK", "N2a")}
    area_um2 = {kind: np.median(areas_of(fields[kind].cells)[whole[kind] - 1]) * PIXEL_UM**2 for kind in whole}
    assert 180 < area_um2["HEK"] < 400
    assert 90 < area_um2["N2a"] < area_um2["HEK"] * 0.75
    round_ = {kind: np.mean([roundness(fields[kind].cells == cell) for cell in whole[kind]]) for kind in whole}
    assert round_["N2a"] < round_["HEK"] - 0.1  # neurites
    assert neighbours_share(fields["HEK"].cells) > 0.7


def test_stains_lie_where_the_truth_is(fields):
    for field in fields.values():
        green, blue = field.field.plane("green").astype(float), field.field.plane("blue").astype(float)
        known = cv2.erode((field.cells > 0).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        assert green[known].mean() > 4 * green[field.cells == 0].mean()
        assert blue[field.nuclei > 0].mean() > 4 * blue[field.cells == 0].mean()
        assert blue[field.nuclei > 0].mean() > 2 * blue[(field.cells > 0) & (field.nuclei == 0)].mean()


def test_mouse_nuclei_have_chromocentres(fields):
    spread = {}
    for kind in ("HEK", "N2a"):
        blue, nuclei = fields[kind].field.plane("blue").astype(float), fields[kind].nuclei
        core = cv2.erode((nuclei > 0).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
        peaks = [np.percentile(blue[core & (nuclei == n)], 98) / np.median(blue[core & (nuclei == n)])
                 for n in range(1, nuclei.max() + 1) if (core & (nuclei == n)).sum() > 40]  # fmt: skip
        spread[kind] = np.median(peaks)
    assert spread["N2a"] > spread["HEK"] + 0.1


def test_a_field_depends_on_its_seed_kind_and_number_alone(fields):
    again = render_two_type_field(3, "N2a", 0, 448, 480)
    assert np.array_equal(again.field.pixels, fields["N2a"].field.pixels)
    assert np.array_equal(again.cells, fields["N2a"].cells)
    assert not np.array_equal(render_two_type_field(4, "N2a", 0, 448, 480).field.pixels, again.field.pixels)
    assert render_two_type_field(3, "N2a", 1, 64, 64).well == again.well
    assert render_two_type_field(3, "N2a", 2, 64, 64).well != again.well


@pytest.mark.thorough
def test_fields_of_the_original_size_hold_as_many_cells_as_the_originals():
    fields = [
        render_two_type_field(0, kind, index, 1104, 1104) for kind in ("HEK", "N2a", "Mixed") for index in range(8)
    ]
    counts = [len(field.classes) for field in fields]
    assert min(counts) >= 50
    assert max(counts) <= 230
    share = np.concatenate([field.classes for field in fields[16:]]).mean()
    assert 0.45 < share < 0.55  # as seeded
