import os
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.formats.cellpose_masks import read_cellpose_masks
from hpa.formats.cellpose_seg import write_cellpose_seg
from hpa.formats.label_map_files import read_label_map
from hpa.formats.label_map_folder import label_map_paths
from hpa.segmenters.stored import Stored

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
    assert label_map.dtype == np.int32
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
        (MASKS, "no dictionary"),
        ([1, 2], "cannot be read|'masks' is expected"),
    ],
)
def test_other_content_is_refused_in_words(tmp_path, content, told):
    with pytest.raises(InputError, match=told):
        read_cellpose_masks(saved(tmp_path / "a_seg.npy", content))


def test_broken_and_missing_files_are_told(tmp_path):
    whole = saved(tmp_path / "a_seg.npy", layout_of_4()).read_bytes()
    (tmp_path / "b_seg.npy").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="save it again"):
        read_cellpose_masks(tmp_path / "b_seg.npy")
    with pytest.raises(InputError, match="missing"):
        read_cellpose_masks(tmp_path / "c_seg.npy")
