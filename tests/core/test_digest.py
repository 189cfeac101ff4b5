"""Digests are equal for equal contents only, and the same on every machine."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from hpa.core.digest import digest_of_array, digest_of_bytes, digest_of_values, sha256_of_file

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(PLAIN, PLAIN)
def test_values_share_a_digest_exactly_if_they_are_written_alike(one, other):
    assert (digest_of_values(one) == digest_of_values(other)) == (canonical(one) == canonical(other))


def canonical(value):
    """Return nested values as hashable ones that keep type and order, mappings sorted by key."""
    if isinstance(value, dict):
        return "mapping", tuple(sorted((key, canonical(inner)) for key, inner in value.items()))
    if isinstance(value, list):
        return "list", tuple(canonical(inner) for inner in value)
    return type(value).__name__, repr(value)


@given(st.dictionaries(st.text(), PLAIN, min_size=1))
def test_the_order_of_keys_does_not_matter(values):
    assert digest_of_values(values) == digest_of_values(dict(reversed(values.items())))


def test_a_value_that_is_not_plain_is_refused():
    with pytest.raises(TypeError):
        digest_of_values({"folder": object()})


@given(st.binary(), st.binary())
def test_bytes_share_a_digest_exactly_if_they_are_equal(one, other):
    assert (digest_of_bytes(one) == digest_of_bytes(other)) == (one == other)


@given(npst.arrays(st.sampled_from([np.uint8, np.int32, np.float16]), npst.array_shapes(max_dims=3, max_side=4)))
def test_an_array_is_known_whatever_its_layout(array):
    assert digest_of_array(array) == digest_of_array(np.asfortranarray(array))
    assert digest_of_array(array) != digest_of_array(array[None])
    assert digest_of_array(array) != digest_of_array(array.astype(np.float64))


@given(npst.arrays(np.uint8, (3, 5)), st.integers(0, 14))
def test_any_changed_number_changes_the_digest(array, place):
    changed = array.copy()
    changed.flat[place] ^= 1
    assert digest_of_array(changed) != digest_of_array(array)


def test_an_empty_array_and_a_record_array_have_a_digest():
    records = np.zeros(2, np.dtype([("cell", "<i4"), ("share", "<f4")]))
    assert digest_of_array(records) != digest_of_array(records[:0])


def test_a_file_has_the_sum_that_sha256sum_prints(tmp_path):
    path = tmp_path / "weights.bin"
    path.write_bytes(bytes(range(256)) * 1000)
    assert sha256_of_file(path) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_another_process_gives_the_same_digest():
    code = "from hpa.core.digest import digest_of_values; print(digest_of_values({'b': 1, 'a': ['x', 0.5, None]}))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert other == digest_of_values({"a": ["x", 0.5, None], "b": 1})
