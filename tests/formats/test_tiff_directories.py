import io
import struct

import numpy as np
import pytest
import tifffile

from hpa.core.errors import InputError
from hpa.formats.label_maps import read_label_map
from hpa.formats.tiff import inspect_tiff
from hpa.formats.tiff_directories import require_end


def pages_of(big: bool, order: str = "<") -> bytes:
    file = io.BytesIO()
    with tifffile.TiffWriter(file, bigtiff=big, byteorder=order) as tiff:
        for number in range(3):
            tiff.write(np.full((4, 4), number, np.uint16), contiguous=False)
    return file.getvalue()


def looping(big: bool) -> bytes:
    """Let the first directory name itself as the next."""
    content = bytearray(pages_of(big))
    place, count, entry = ("<Q", "<Q", 20) if big else ("<I", "<H", 12)
    first = struct.unpack_from(place, content, 8 if big else 4)[0]
    entries = struct.unpack_from(count, content, first)[0]
    struct.pack_into(place, content, first + struct.calcsize(count) + entry * entries, first)
    return bytes(content)


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("read", [read_label_map, inspect_tiff])
def test_a_chain_that_bites_its_tail_is_named_and_not_followed(tmp_path, big, read):
    (tmp_path / "a.tif").write_bytes(looping(big))
    with pytest.raises(InputError, match=r"a\.tif: the file is damaged or cut short \(after page 1 it begins again\)"):
        read(tmp_path / "a.tif")


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_chains_that_end_are_left_to_their_reader(tmp_path, big, order):
    content = pages_of(big, order)
    for length in (*range(40), len(content)):
        file = io.BytesIO(content[:length])
        require_end(tmp_path, file)
        assert file.tell() == 0
