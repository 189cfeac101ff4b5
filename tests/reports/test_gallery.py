import numpy as np
import pytest

from hpa.reports.gallery import CELLS_A_GROUP, class_galleries


def row_of(cell):
    return 6 * int(cell.image_id.removeprefix("image")) + cell.cell - 1


def test_groups_hold_the_cells_they_name(facts):
    for gallery in class_galleries(facts):
        truth, confidence = facts.cell_targets[:, gallery.index], facts.probabilities[:, gallery.index]
        hits, misses, false_positives = ([row_of(cell) for cell in group.cells] for group in gallery.groups)
        assert truth[hits + misses].all()
        assert not truth[false_positives].any()
        assert len(set(hits + misses + false_positives)) == len(hits + misses + false_positives)
        assert confidence[hits].tolist() == sorted(confidence[truth == 1], reverse=True)[: len(hits)]
        assert confidence[misses].tolist() == sorted(confidence[truth == 1])[: len(misses)]
        assert confidence[false_positives].tolist() == sorted(confidence[truth == 0], reverse=True)[:CELLS_A_GROUP]


def test_cells_carry_confidence_and_ground_truth(facts):
    gallery = class_galleries(facts)[0]
    cell = gallery.groups[0].cells[0]
    assert cell.confidence == pytest.approx(float(facts.probabilities[row_of(cell), 0]))
    assert ("Nucleoplasm", facts.class_styles[0]) in cell.truth
    assert cell.picture.startswith("data:image/webp;base64,")


def test_a_class_without_cells_has_no_gallery(facts):
    assert [gallery.name for gallery in class_galleries(facts)] == ["Nucleoplasm", "Golgi apparatus", "Negative"]


def test_a_class_with_one_cell_has_a_hit_and_no_miss(facts_with, facts):
    truth = np.zeros_like(facts.cell_targets)
    truth[4, 2] = 1
    (gallery,) = class_galleries(facts_with(cell_targets=truth))
    assert [len(group.cells) for group in gallery.groups] == [1, 0, CELLS_A_GROUP]


def test_cells_without_ground_truth_are_not_shown(facts_with, facts):
    truth = np.full_like(facts.cell_targets, np.nan)
    truth[2] = [1, 0, 0, 0]
    (gallery,) = class_galleries(facts_with(cell_targets=truth))
    assert [len(group.cells) for group in gallery.groups] == [1, 0, 0]
