import collections
import contextlib
import io
import pickle
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from hpa.core.errors import InputError
from hpa.formats import pickled_values
from hpa.formats.pickled_values import Name, Record, array_of, read_pickle

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner),
)


@given(plain, st.sampled_from(PROTOCOLS[3:]))
def test_plain_values_are_read_as_pickle_reads_them(value, protocol):
    assert read_pickle(pickle.dumps(value, protocol)) == value


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(
    arrays.arrays(
        st.sampled_from(["<u2", ">u2", "<i4", "u1", "i1", "<f4", "<f8", "<u8", "bool"]),
        arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    ),
    st.booleans(),
)
def test_arrays_are_read_as_pickle_reads_them(protocol, array, fortran):
    array = np.asfortranarray(array) if fortran else array
    read = array_of(read_pickle(pickle.dumps(array, protocol)))
    assert (read.dtype, read.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(read, array)


@pytest.mark.parametrize(
    "value",
    [
        np.array([{}], object),
        np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")]),
        np.array(["2020-01-01"], "M8[D]"),
        np.array(["text"]),
        collections.OrderedDict(a=1),
        [1, 2],
    ],
)
def test_what_is_no_array_of_numbers_is_none(value):
    assert array_of(read_pickle(pickle.dumps(value))) is None


def test_objects_become_records():
    assert read_pickle(b"cos\nsystem\n(S'true'\ntR.").name == Name("os", "system")
    made = read_pickle(pickle.dumps(collections.Counter("aab")))
    assert isinstance(made, Record)
    assert made.name == Name("collections", "Counter")


def reduced(name, arguments):
    """Return a pickle that calls a name of numpy with arguments."""
    file = io.BytesIO()
    pickler = pickle._Pickler(file, 2)
    pickler.dispatch_table = {}
    file.write(pickle.PROTO + bytes([2]) + pickle.GLOBAL + b"numpy\n" + name + b"\n")
    pickler.save(arguments)
    file.write(pickle.REDUCE + pickle.STOP)
    return file.getvalue()


def test_no_array_points_anywhere():
    for dtype in ("O", "O8", "V8", "<i8"):
        pointers = struct.pack("<4q", *range(4096, 4100))
        assert array_of(read_pickle(reduced(b"ndarray", ((2, 2), dtype, pointers)))) is None


def test_the_bytes_decide_the_size():
    content = pickle.dumps(np.arange(6, dtype=np.uint8).reshape(2, 3), 2)
    grown = content.replace(b"K\x02K\x03\x86", b"K\x7fK\x7f\x86")
    assert grown != content
    with pytest.raises(InputError, match="does not have 6 bytes"):
        array_of(read_pickle(grown))


NESTED_KEY = b"\x80\x02}" + b"(" * 1 + b")" + b"q\x00h\x00\x86" * 100 + b"K\x01u."


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "damaged"),
        (b"\x80\x02N", "damaged"),
        (b"\x80\x02.", "damaged"),
        (b"\x80\x02u.", "damaged"),
        (b"\x80\x02h\x07.", "damaged"),
        (b"\x80\x05\x96" + struct.pack("<Q", 1 << 40) + b".", "damaged"),
        (b"\x80\x04\x8d" + struct.pack("<Q", 1 << 63) + b".", "damaged"),
        (b"(I1\nios\nsystem\n.", "uses INST"),
        (b"Pname\n.", "uses PERSID"),
        (b"\x80\x02\x82\x01.", "uses EXT1"),
        (b"K\x01K\x02\x93.", "a name is no text"),
        (NESTED_KEY, "keys are no texts or numbers"),
    ],
)
def test_damaged_and_hostile_pickles_are_refused(content, reason):
    with pytest.raises(InputError, match=reason):
        read_pickle(content)


def test_a_program_of_too_many_steps_is_refused(monkeypatch):
    monkeypatch.setattr(pickled_values, "_MAX_STEPS", 1000)
    with pytest.raises(InputError, match="more than 1,000 steps"):
        read_pickle(b"]" * 1001 + b".")


def test_large_memo_numbers_cost_no_memory():
    assert read_pickle(b"Nr" + struct.pack("<I", 0xFFFF_FFFF) + b".") is None


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content):
    with contextlib.suppress(InputError):
        array_of(read_pickle(content))
