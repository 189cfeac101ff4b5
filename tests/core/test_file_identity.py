import os
import shutil

import numpy as np
import pytest
import tifffile
from PIL import Image

from hpa.core.errors import InputError
from hpa.core.file_identity import SAMPLE_BYTES, file_identity, identity_of_files


def picture(seed):
    return np.random.default_rng(seed).integers(0, 255, (256, 256), np.uint8)


def write_as(path, content, times=None):
    if path.suffix == ".tif":
        tifffile.imwrite(path, content)
    else:
        Image.fromarray(content).save(path, compress_level=0)  # the size then does not depend on the pixels
    if times is not None:
        os.utime(path, ns=times)


@pytest.mark.parametrize("name", ["image.tif", "image.png"])
def test_another_picture_of_the_same_size_and_time_is_another(tmp_path, name):
    path = tmp_path / name
    write_as(path, picture(0))
    before, status = file_identity(path), path.stat()
    write_as(path, picture(1), (status.st_atime_ns, status.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)
    assert file_identity(path) != before
    write_as(path, picture(0), (status.st_atime_ns, status.st_mtime_ns))
    assert file_identity(path) == before


@pytest.mark.parametrize("size", [1, 5, SAMPLE_BYTES - 1, SAMPLE_BYTES, SAMPLE_BYTES + 1, 4 * SAMPLE_BYTES])
def test_every_byte_of_a_small_file_counts(tmp_path, size):
    path = tmp_path / "small"
    content = bytearray(os.urandom(size))
    names = set()
    places = sorted({0, size - 1, *range(0, size, 997)})
    for place in places:
        content[place] ^= 1
        path.write_bytes(content)
        os.utime(path, ns=(0, 0))
        names.add(file_identity(path))
    assert len(names) == len(places)


def test_an_empty_file_has_a_name_too(tmp_path):
    (tmp_path / "empty").touch()
    assert file_identity(tmp_path / "empty").endswith(":00000000")


def test_a_folder_is_named_by_all_its_files(tmp_path):
    image = tmp_path / "image.zarr"
    (image / "0").mkdir(parents=True)
    (image / "0" / "0.0").write_bytes(b"a")
    os.utime(image / "0" / "0.0", ns=(0, 0))
    before = file_identity(image)
    (image / "0" / "0.0").write_bytes(b"b")
    os.utime(image / "0" / "0.0", ns=(0, 0))
    changed = file_identity(image)
    (image / "0" / "0.1").touch()
    assert len({before, changed, file_identity(image)}) == 3


def test_missing_files_are_named(tmp_path):
    (tmp_path / "there").touch()
    with pytest.raises(InputError, match=r"gone: cannot be read"):
        identity_of_files([tmp_path / "there", tmp_path / "gone"])


def test_a_copy_elsewhere_is_another(tmp_path):
    (tmp_path / "one").write_bytes(b"content")
    shutil.copy2(tmp_path / "one", tmp_path / "two")
    assert file_identity(tmp_path / "one") != file_identity(tmp_path / "two")
