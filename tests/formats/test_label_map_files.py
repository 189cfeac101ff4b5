from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hpa.core.errors import InputError
from hpa.core.field import Segmentation
from hpa.formats.label_map_files import read_label_map, read_segmentation, write_label_map, write_segmentation


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
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 4), np.float32))
    with pytest.raises(InputError, match="float32"):
        read_label_map(tmp_path / "a.tif")
