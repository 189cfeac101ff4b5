import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile

from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.interfaces import FileSegmenter, Segmenter
from hpa.segmenters.stored import Stored
from tests.roles import assert_fills

FIELD = Field("a_1", np.zeros((1, 4, 6), np.uint8), ("green",), 0.1)


def some_map(dtype: type) -> np.ndarray:
    label_map = np.zeros((4, 6), dtype)
    label_map[0, :2] = 9
    label_map[2, 3:] = 4
    return label_map


def save(path: Path, array: np.ndarray) -> None:
    if path.suffix == ".npz":
        np.savez(path, label_map=array)
    elif path.suffix == ".png":
        cv2.imwrite(str(path), array)
    else:
        tifffile.imwrite(path, array)


@pytest.mark.parametrize(
    ("suffix", "dtype"),
    [(".png", np.uint8), (".png", np.uint16), (".tif", np.int32), (".tiff", np.uint16), (".npz", np.int64)],
)
def test_numbers_are_made_contiguous_in_the_same_order(tmp_path: Path, suffix: str, dtype: type) -> None:
    save(tmp_path / f"a_1{suffix}", some_map(dtype))
    (found,) = Stored(tmp_path).segment([FIELD])
    expected = np.zeros((4, 6), np.int32)
    expected[0, :2], expected[2, 3:] = 2, 1
    np.testing.assert_array_equal(found.cells, expected)
    assert found.cells.dtype == np.int32
    assert found.nuclei is None


def test_huge_numbers(tmp_path: Path) -> None:
    np.savez(tmp_path / "a_1.npz", label_map=some_map(np.int64) * 10**12)
    assert Stored(tmp_path).segment([FIELD])[0].cells.max() == 2


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.full((4, 6), 0.5, np.float32), "whole numbers"),
        (np.zeros((4, 6), bool), "yes/no mask"),
        (np.zeros((4, 6, 3), np.uint8), "one plane"),
        (np.zeros((6, 4), np.uint8), "size of its field"),
        (np.full((4, 6), -1), "negative|-1"),
        (np.array([[None]], object), "no pickles"),
    ],
)
def test_what_is_no_label_map_is_refused_by_name(tmp_path: Path, array: np.ndarray, message: str) -> None:
    np.savez(tmp_path / "a_1.npz", label_map=array)
    with pytest.raises(InputError, match=message) as caught:
        Stored(tmp_path).segment([FIELD])
    assert "a_1.npz" in str(caught.value)


def test_missing_doubled_and_broken_files_are_named(tmp_path: Path) -> None:
    stored = Stored(tmp_path)
    with pytest.raises(InputError, match="a_1: no label map"):
        stored.segment([FIELD])
    for suffix in (".png", ".tif", ".npz"):
        path = tmp_path / f"a_1{suffix}"
        path.write_bytes(b"rubbish")
        with pytest.raises(InputError, match="cannot be read"):
            stored.segment([FIELD])
        path.unlink()
    np.savez(tmp_path / "a_1.npz", other=some_map(np.uint8))
    with pytest.raises(InputError, match="key 'label_map'"):
        stored.segment([FIELD])
    save(tmp_path / "a_1.png", some_map(np.uint8))
    with pytest.raises(InputError, match="remove one"):
        stored.segment([FIELD])
    with pytest.raises(InputError, match="there is none"):
        Stored(tmp_path / "nowhere")


def test_fingerprint_follows_folder_and_file(tmp_path: Path) -> None:
    path = tmp_path / "a_1.png"
    save(path, some_map(np.uint8))
    stored = Stored(tmp_path)
    assert_fills(stored, Segmenter)
    assert_fills(stored, FileSegmenter)
    before = stored.fingerprint_of("a_1")
    assert before == Stored(str(tmp_path)).fingerprint_of("a_1")
    os.utime(path, ns=(0, 0))
    assert stored.fingerprint_of("a_1") != before
    other = tmp_path / "other"
    other.mkdir()
    assert Stored(other).fingerprint() != stored.fingerprint()
