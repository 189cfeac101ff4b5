import numpy as np
import pytest
from hypothesis import given
from scipy import ndimage

from hpa.core.label_map import relabel
from hpa.formats.cellpose_seg import rims_of, write_cellpose_seg
from tests.core.random_label_maps import label_maps


def loaded(path):
    return np.load(path, allow_pickle=True).item()  # as Cellpose's window does


def test_the_window_finds_what_it_looks_for(tmp_path):
    label_map = np.zeros((9, 12), np.int32)
    label_map[1:6, 1:6], label_map[2:7, 6:11] = 1, 2
    picture = np.full((9, 12, 3), 7, np.uint8)
    write_cellpose_seg(tmp_path / "a_seg.npy", label_map, tmp_path / "a.png", picture)
    content = loaded(tmp_path / "a_seg.npy")
    assert content["masks"].dtype == content["outlines"].dtype == np.uint16
    assert np.array_equal(content["masks"], label_map)
    assert (content["outlines"] == 1).sum() == 16
    assert content["ismanual"].tolist() == [False, False]
    assert content["filename"] == str((tmp_path / "a.png").resolve())
    assert content["est_diam"] == pytest.approx(2 * np.sqrt(25 / np.pi))
    assert "img" not in content


def test_a_field_of_several_files_brings_its_picture(tmp_path):
    picture = np.full((9, 12, 3), 7, np.uint8)
    write_cellpose_seg(tmp_path / "a_seg.npy", np.zeros((9, 12), np.int32), None, picture)
    content = loaded(tmp_path / "a_seg.npy")
    assert np.array_equal(content["img"], picture)
    assert content["filename"] == str(tmp_path / "a")
    assert len(content["ismanual"]) == 0


def test_more_cells_than_16_bits_can_count(tmp_path):
    label_map = (np.arange(70_000, dtype=np.int32) + 1).reshape(250, 280)
    write_cellpose_seg(tmp_path / "a_seg.npy", label_map, None, np.zeros((250, 280, 3), np.uint8))
    assert loaded(tmp_path / "a_seg.npy")["masks"].max() == 70_000


@given(label_maps())
def test_rims_are_what_erosion_takes_away(label_map):
    cells = relabel(label_map)
    expected = np.zeros(cells.shape, bool)
    for number in range(1, cells.max() + 1):
        expected |= (cells == number) & ~ndimage.binary_erosion(cells == number)
    assert np.array_equal(rims_of(cells), expected)
