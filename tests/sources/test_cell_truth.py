from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hpa.core.classes import LOCATION_NAMES
from hpa.core.encoding import encode_mask
from hpa.core.errors import DataError, InputError
from hpa.interfaces import CellTruth as CellTruthRole
from hpa.sources.cell_truth import CellTruth
from tests.sources.test_kaggle_hpa import LABELS, source

HEIGHT, WIDTH = 40, 60


def box(top: int, left: int, height: int = 10, width: int = 10) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[top : top + height, left : left + width] = True
    return mask


def write(path: Path, cells: dict[str, list[tuple[np.ndarray, list[int]]]]) -> Path:
    lines = ["ID,ImageWidth,ImageHeight,TruthString"]
    for image_id, entries in cells.items():
        words = " ".join(f"{value} {encode_mask(mask)}" for mask, classes in entries for value in classes)
        lines.append(f"{image_id},{WIDTH},{HEIGHT},{words}")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def truth(tmp_path: Path) -> CellTruth:
    cells = {"a": [(box(0, 0), [3, 16]), (box(20, 20), [0]), (box(0, 40), [18])], "empty": []}
    return CellTruth(write(tmp_path / "truth.csv", cells), LOCATION_NAMES)


def classes_of(row: np.ndarray) -> list[int] | None:
    return None if np.isnan(row).all() else np.flatnonzero(row).tolist()


def test_cells_get_the_classes_of_the_true_cell_they_match(truth: CellTruth) -> None:
    found = np.zeros((HEIGHT, WIDTH), np.int32)
    found[box(20, 20, 10, 9)] = 2  # IoU 0.9
    found[box(0, 0, 10, 6)] = 5  # IoU 0.6: inclusive
    found[box(0, 40, 10, 5)] = 7  # IoU 0.5
    found[box(34, 0, 5, 5)] = 9  # no true cell
    targets = truth.targets_for(found, "a")
    assert targets.dtype == np.float32
    assert [classes_of(row) for row in targets] == [[0], [3, 16], None, None]
    assert [classes_of(row) for row in truth.targets_for(found, "a", iou=0.5)] == [[0], [3, 16], [18], None]


@pytest.mark.parametrize("image_id", ["empty", "unheard of"])
def test_cells_without_truth_are_not_known(truth: CellTruth, image_id: str) -> None:
    targets = truth.targets_for(box(0, 0).astype(np.int32), image_id)
    assert targets.shape == (1, 19)
    assert np.isnan(targets).all()


def test_an_image_without_cells_has_no_rows(truth: CellTruth) -> None:
    assert truth.targets_for(np.zeros((HEIGHT, WIDTH), np.int32), "a").shape == (0, 19)


def test_another_size_is_refused(truth: CellTruth) -> None:
    with pytest.raises(InputError, match="60×40 px there, its label map 40×60 px"):
        truth.targets_for(np.ones((WIDTH, HEIGHT), np.int32), "a")


def test_true_cells_that_overlap_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "truth.csv", {"a": [(box(0, 0), [1]), (box(5, 5), [2])]})
    with pytest.raises(InputError, match=r"truth\.csv: a: "):
        CellTruth(path, LOCATION_NAMES).targets_for(box(0, 0).astype(np.int32), "a")


def test_all_rows_that_are_wrong_are_named(tmp_path: Path) -> None:
    path = write(tmp_path / "truth.csv", {"a": [(box(0, 0), [19])], "b": [(box(0, 0), [1])]})
    with path.open("a") as file:
        file.write(f"c,{WIDTH},{HEIGHT},1\nd,{WIDTH},{HEIGHT},x y\n")
    with pytest.raises(DataError) as caught:
        CellTruth(path, LOCATION_NAMES)
    assert [problem.subject for problem in caught.value.problems] == ["a", "c", "d"]


def test_the_reader_holds_the_truth(make_set: Callable[..., Path]) -> None:
    root = make_set(LABELS)
    assert source(root).cell_truth is None
    path = write(root / "truth.csv", {"a": [(box(0, 0), [4])]})
    held = source(root, cell_truth=path).cell_truth
    assert isinstance(held, CellTruthRole)
    assert classes_of(held.targets_for(box(0, 0).astype(np.int32), "a")[0]) == [4]
