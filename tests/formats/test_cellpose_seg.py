import os
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from hypothesis import given
from scipy import ndimage

from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.core.label_map import relabel
from hpa.formats.cellpose_seg import read_cellpose_masks, rims_of, write_cellpose_seg
from hpa.formats.label_maps import label_map_paths, read_label_map
from hpa.segmenters.stored import Stored
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


MASKS = np.array([[0, 1, 1], [7, 7, 0]], np.uint16)


def saved(path, content, **options):
    np.save(path, content, **options)
    return path


def layout_of_2021():
    """Return what version 0.6 saved: with the image, flows and colours."""
    return {
        "outlines": MASKS,
        "colors": np.zeros((2, 3), np.uint8),
        "masks": MASKS,
        "chan_choose": [1, 2],
        "img": np.zeros((2, 3, 3), np.uint8),
        "ismanual": np.ones(2, bool),
        "X2": 1,
        "filename": "C:/HEK_0004_merged.png",
        "flows": [[np.zeros((2, 3), np.float32)], None],
        "est_diam": np.float64(50.0),
        "model_path": 0,
        "manual_changes": [["03/11/2021, 10:00:00", "removed mask", [[1], [2]]]],
    }


def layout_of_4():
    """Return what version 4 saves: without the image, with whatever its window adds."""
    return {
        "outlines": MASKS,
        "masks": MASKS[None].astype(np.uint32),
        "filename": PurePosixPath("HEK_0004.tif"),
        "flows": [],
        "diameter": None,
    }


@pytest.mark.parametrize("layout", [layout_of_2021, layout_of_4])
def test_masks_of_old_and_new_layouts_are_read(tmp_path, layout):
    label_map = read_cellpose_masks(saved(tmp_path / "a_seg.npy", layout()))
    assert read_label_map(tmp_path / "a_seg.npy").dtype == np.int32
    assert np.array_equal(label_map, MASKS)


def test_what_we_write_for_its_window_is_read_back(tmp_path):
    label_map = np.arange(20, dtype=np.int32).reshape(4, 5)
    write_cellpose_seg(tmp_path / "a_seg.npy", label_map, None, np.zeros((4, 5, 3), np.uint8))
    assert np.array_equal(read_cellpose_masks(tmp_path / "a_seg.npy"), label_map)


def test_corrected_cells_are_taken_wherever_label_maps_are(tmp_path):
    path = saved(tmp_path / "HEK_1_seg.npy", layout_of_4())
    assert label_map_paths(tmp_path) == {"HEK_1": path}
    assert np.array_equal(read_label_map(path), MASKS)
    field = Field("HEK_1", np.zeros((1, 2, 3), np.uint8), ("blue",), 0.5)
    assert Stored(tmp_path).segment([field])[0].cells.tolist() == [[0, 1, 1], [2, 2, 0]]


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def test_nothing_of_a_file_is_run(tmp_path):
    path = saved(tmp_path / "a_seg.npy", {"masks": MASKS, "flows": Trap(tmp_path / "trap")})
    assert np.array_equal(read_cellpose_masks(path), MASKS)
    assert not (tmp_path / "trap").exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"outlines": MASKS}, "'masks' is expected"),
        ({"masks": MASKS.astype(float)}, "'masks' is expected"),
        ({"masks": np.stack([MASKS, MASKS])}, "one plane"),
        ({"masks": MASKS.astype(object)}, "'masks' is expected"),
        (MASKS, "no dictionary"),
        ([1, 2], "cannot be read|'masks' is expected"),
    ],
)
def test_other_content_is_refused_in_words(tmp_path, content, told):
    with pytest.raises(InputError, match=told):
        read_cellpose_masks(saved(tmp_path / "a_seg.npy", content))


def test_broken_and_missing_files_are_reported(tmp_path):
    whole = saved(tmp_path / "a_seg.npy", layout_of_4()).read_bytes()
    (tmp_path / "b_seg.npy").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="save it again"):
        read_cellpose_masks(tmp_path / "b_seg.npy")
    with pytest.raises(InputError, match="missing"):
        read_cellpose_masks(tmp_path / "c_seg.npy")
