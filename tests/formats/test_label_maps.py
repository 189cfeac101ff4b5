from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hpa.core.errors import DataError, InputError
from hpa.core.field import Segmentation
from hpa.formats.label_maps import (
    label_map_paths,
    paired_paths,
    read_instances,
    read_label_map,
    read_segmentation,
    write_label_map,
    write_segmentation,
)


@settings(max_examples=25, deadline=None)
@given(height=st.integers(1, 40), width=st.integers(1, 40), top=st.sampled_from([1, 300, 65_535]), seed=st.integers())
@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff"])
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, height: int, width: int, top: int, seed: int
) -> None:
    label_map = np.random.default_rng(abs(seed)).integers(0, top + 1, (height, width)).astype(np.int32)
    path = tmp_path_factory.mktemp("maps") / f"new/a{suffix}"
    write_label_map(path, label_map)
    np.testing.assert_array_equal(read_label_map(path), label_map)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("number", [1, 255])
def test_a_mask_of_many_cells_is_no_map_of_them(tmp_path, number):
    path, cells = tmp_path / "a.tif", np.zeros((40, 60), np.int32)

    def read():
        write_label_map(path, cells)
        return read_instances(path)

    for place in range(3):
        cells[5:12, 20 * place : 20 * place + 9] = number
    with pytest.raises(InputError, match=f"3 parts have the same number {number}: a yes/no mask"):
        read()
    cells[:, 40:] = 0
    assert (read() == cells).all()  # a cell in two pieces
    cells[2:4, 50:52] = number
    assert (read() == cells).all()  # and a speck
    cells[20:30, :9] = 2
    assert (read() == cells).all()


def test_other_programs_read_16_bit_files(tmp_path: Path) -> None:
    label_map = np.arange(12, dtype=np.int32).reshape(3, 4) * 1000
    write_label_map(tmp_path / "a.png", label_map)
    write_label_map(tmp_path / "a.tif", label_map)
    with Image.open(tmp_path / "a.png") as image:
        np.testing.assert_array_equal(np.asarray(image), label_map)
    assert tifffile.imread(tmp_path / "a.tif").dtype == np.uint16


def test_more_cells_than_16_bits_need_a_tiff(tmp_path: Path) -> None:
    label_map = np.full((3, 3), 70_000, np.int32)
    write_label_map(tmp_path / "a.tif", label_map)
    np.testing.assert_array_equal(read_label_map(tmp_path / "a.tif"), label_map)
    with pytest.raises(InputError, match=r"write a \.tif"):
        write_label_map(tmp_path / "a.png", label_map)
    with pytest.raises(InputError, match="name the file so"):
        write_label_map(tmp_path / "a.jpg", label_map)


@pytest.mark.parametrize("with_nuclei", [True, False])
def test_segmentation(tmp_path: Path, with_nuclei: bool) -> None:
    cells = np.arange(30, dtype=np.int32).reshape(5, 6)
    write_segmentation(tmp_path / "s.tif", Segmentation(cells, cells // 2 if with_nuclei else None))
    read = read_segmentation(tmp_path / "s.tif")
    np.testing.assert_array_equal(read.cells, cells)
    if with_nuclei:
        np.testing.assert_array_equal(read.nuclei, cells // 2)
    else:
        assert read.nuclei is None


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_missing_and_broken_files_are_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    with pytest.raises(InputError, match="missing or broken"):
        read_label_map(path)
    write_label_map(path, np.random.default_rng(0).integers(0, 9, (200, 200)).astype(np.int32))
    path.write_bytes(path.read_bytes()[: 40 if suffix == ".png" else 9000])
    with pytest.raises(InputError, match="missing or broken"):
        read_label_map(path)


def test_pictures_are_no_label_maps(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="one plane of whole numbers"):
        read_label_map(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "a.tif", np.full((4, 4), 0.5, np.float32))
    with pytest.raises(InputError, match="float32"):
        read_label_map(tmp_path / "a.tif")


def folder_of(path, *names):
    path.mkdir()
    for name in names:
        (path / name).touch()
    return path


def test_label_maps_are_listed_by_id_and_other_files_passed_over(tmp_path):
    folder = folder_of(tmp_path / "a", "2.png", "1.TIF", "notes.txt", ".2.png.part", ".hidden.png")
    assert {name: path.name for name, path in label_map_paths(folder).items()} == {"1": "1.TIF", "2": "2.png"}


def test_folders_that_cannot_be_used_are_refused(tmp_path):
    with pytest.raises(InputError, match="check the path"):
        label_map_paths(tmp_path / "none")
    with pytest.raises(InputError, match="there is none in this folder"):
        label_map_paths(folder_of(tmp_path / "a", "notes.txt"))
    with pytest.raises(InputError, match=r"1\.png and 1\.tif"):
        label_map_paths(folder_of(tmp_path / "b", "1.png", "1.tif"))


def test_pairs_need_the_same_ids(tmp_path):
    first, second = folder_of(tmp_path / "a", "1.png", "2.png"), folder_of(tmp_path / "b", "2.tif", "3.tif")
    with pytest.raises(DataError) as caught:
        list(paired_paths(first, second))
    assert [problem.subject for problem in caught.value.problems] == ["3", "1"]
    (first / "1.png").unlink()
    (second / "3.tif").unlink()
    assert [(name, one.name, other.name) for name, one, other in paired_paths(first, second)] == [
        ("2", "2.png", "2.tif")
    ]
