"""What a few bytes of a pickle may request, and what they get."""

import io
import pickle
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpa.models.pickled_program import check_program

HUGE = 1 << 33


@pytest.mark.parametrize(
    "program",
    [
        b"\x80\x04]r" + struct.pack("<I", 1 << 30) + b".",
        b"\x80\x04\x95" + struct.pack("<Q", HUGE) + b"N.",
        b"\x80\x05\x96" + struct.pack("<Q", HUGE) + b"N.",
        b"\x80\x04\x8e" + struct.pack("<Q", HUGE) + b"N.",
        b"\x80\x04\x8d" + struct.pack("<Q", HUGE) + b"N.",
    ],
    ids=["memo", "frame", "bytearray", "bytes", "text"],
)
def test_a_length_that_the_file_does_not_explain_is_refused(program):
    with pytest.raises(ValueError, match=r"broken|objects within|a part of|expected .* bytes"):
        check_program(io.BytesIO(program))


@given(
    st.recursive(
        st.none() | st.integers() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=40,
    ),
    st.integers(0, 5),
    st.binary(max_size=9),
)
def test_every_pickle_of_python_passes_and_the_stream_stays_where_it_was(value, protocol, before):
    stream = io.BytesIO(before + pickle.dumps(value, protocol) + b"behind")
    stream.seek(len(before))
    check_program(stream)
    assert pickle.load(stream) == value
