"""Training reads corrections: classes of cells, cells merged and deleted, and nothing of another segmentation."""

import numpy as np
import pytest

from hpa.cells.crops import CropSpec
from hpa.cells.data_module import prepare_cells
from hpa.cells.dataset import CellDataset
from hpa.cells.sampling.sampler import BatchRequest
from hpa.cells.store import CellStore
from hpa.core.errors import DataError, InputError
from hpa.corrections.journal import open_journal
from hpa.corrections.table import Correction, digest_of_cells
from hpa.sources.fold_plan import FoldPlan
from tests.cells.test_dataset import Squares, label_map_of
from tests.cells.test_field_batches import Pending, no_progress


@pytest.fixture
def prepared(tmp_path):
    def prepare(*corrections):
        source = Pending()
        source.corrections = tmp_path / "cells.csv"
        with open_journal(source.corrections, "me") as journal:
            if corrections:
                journal.add(corrections)
        crop = CropSpec(("green",), side_px=8, masked=True, margin=0.0)
        folds = FoldPlan(2, 0, 0, False)
        return prepare_cells(source, Squares(), CellStore(tmp_path / "store"), crop, folds, 1, no_progress)

    return prepare


def correction(image, cell, action, value="", segmentation=None):
    return Correction(image, segmentation or digest_of_cells(label_map_of(int(image))), cell, action, value)


def test_corrected_cells_have_their_classes_and_others_none(prepared):
    cells = prepared(correction("3", 2, "classes", "a|c"), correction("2", 1, "classes"))
    frame = cells.stored.cells
    known = np.isfinite(cells.corrected_targets).all(axis=1)
    named = list(zip(frame["image_id"][known], frame["cell"][known], strict=True))
    assert named == [("2", 1), ("3", 2)]
    np.testing.assert_array_equal(cells.corrected_targets[known], [[0, 0, 0], [1, 0, 1]])
    dataset = CellDataset(cells.stored, cells.table.targets(), None, None, 0, corrected_targets=cells.corrected_targets)
    batch = dataset[BatchRequest(0, np.flatnonzero(known))]
    np.testing.assert_array_equal(batch.corrected_targets.numpy(), [[0, 0, 0], [1, 0, 1]])


def test_cells_are_merged_and_deleted_and_their_images_alone_segmented_again(prepared, tmp_path):
    plain = prepared()
    made = set((tmp_path / "store").rglob("*.npy"))
    cells = prepared(correction("3", 1, "delete"), correction("3", 3, "merge", "2"), correction("3", 2, "classes", "b"))
    count = cells.stored.cells.groupby("image_id").size()
    assert count["3"] == 1
    assert len(plain.stored) - len(cells.stored) == 2
    np.testing.assert_array_equal(cells.stored.segmentation("3").cells > 0, label_map_of(3) > 1)
    [row] = np.flatnonzero(cells.stored.cells["image_id"] == "3")
    np.testing.assert_array_equal(cells.corrected_targets[row], [0, 1, 0])
    assert len(set((tmp_path / "store").rglob("*.npy")) - made) == 2


def test_a_table_in_which_nothing_is_corrected_yet_changes_nothing(prepared):
    assert not np.isfinite(prepared().corrected_targets).any()


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (correction("3", 1, "classes", "a", segmentation="other"), "another segmentation"),
        (correction("3", 1, "delete", segmentation="other"), "another segmentation"),
        (correction("3", 9, "classes", "a"), "no such cell"),
        (correction("3", 1, "classes", "Nucleoli"), "class Nucleoli"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(prepared, wrong, reason):
    with pytest.raises(DataError, match=rf"3: .*{reason}"):
        prepared(wrong)


def test_corrections_of_other_images_are_refused(prepared):
    with pytest.raises(InputError, match="none of its images"):
        prepared(Correction("elsewhere", "s", 1, "classes", "a"))
