"""A stored file is read as it was written, or not at all."""

import resource
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from hpa.core.sealed_file import DamagedFileError, read_array, read_sealed, verify, write_array, write_sealed

RECORD = np.dtype([("pixels", "<u2", (2, 3)), ("checksum", "<u4")])
DTYPES = st.sampled_from([np.dtype(np.uint8), np.dtype(np.float16), np.dtype(np.int32), RECORD])


@given(npst.arrays(DTYPES, npst.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5)))
def test_an_array_comes_back_and_numpy_reads_it_too(tmp_path_factory, array):
    path = tmp_path_factory.mktemp("a") / "ab" / "array.npy"
    write_array(path, array)
    for read in (read_array(path), np.load(path)):
        assert read.dtype == array.dtype
        assert read.shape == array.shape
        assert read.tobytes() == array.tobytes()
    assert not array.size or not read_array(path).flags.writeable


@given(st.binary(min_size=1, max_size=200), st.data())
def test_any_changed_bit_is_an_error_that_names_the_file_and_deletes_it(tmp_path_factory, content, data):
    path = tmp_path_factory.mktemp("b") / "file"
    write_sealed(path, content[:3], content[3:])
    assert bytes(read_sealed(path)) == content
    verify(path)
    stored = bytearray(path.read_bytes())
    place, bit = data.draw(st.integers(0, len(stored) - 1)), data.draw(st.integers(0, 7))
    stored[place] ^= 1 << bit
    for reader in (read_sealed, verify):
        path.write_bytes(stored)
        with pytest.raises(DamagedFileError, match="run the same command again") as caught:
            reader(path)
        assert str(path) in str(caught.value)
        assert not path.exists()


@given(st.integers(0, 60))
def test_a_file_cut_short_is_an_error(tmp_path_factory, kept):
    path = tmp_path_factory.mktemp("c") / "file"
    write_sealed(path, b"x" * 49)
    path.write_bytes(path.read_bytes()[:kept])
    for reader in (verify, read_sealed):
        with pytest.raises(DamagedFileError):
            reader(path)


def test_a_missing_file_is_an_error_with_its_reason(tmp_path):
    with pytest.raises(DamagedFileError, match=r"gone: .*No such file"):
        read_array(tmp_path / "gone")


def test_content_that_is_no_array_is_an_error(tmp_path):
    write_sealed(tmp_path / "text.npy", b"no array")
    with pytest.raises(DamagedFileError, match=r"text\.npy"):
        read_array(tmp_path / "text.npy")


FULL_DISK = """
import resource, sys
from pathlib import Path
import numpy as np
from hpa.core.sealed_file import write_array
from hpa.core.whole_file import DiskFullError
resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
try:
    write_array(Path(sys.argv[1]), np.zeros(1000, np.uint8))
except DiskFullError as error:
    print(error)
"""


def test_a_full_disk_is_named_with_the_bytes_needed(tmp_path):
    # a limit on the size of files stands for a disk that is full: writing fails half way, in a process of its own
    assert resource.RLIMIT_FSIZE
    path = tmp_path / "ab" / "array.npy"
    run = subprocess.run([sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True, check=True)
    assert str(path) in run.stdout
    assert "1,140 bytes were needed" in run.stdout
    assert not list(path.parent.iterdir())
