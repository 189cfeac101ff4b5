from pathlib import Path

import numpy as np
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import QuotedString
from hypothesis import given
from hypothesis import strategies as st

from hpa.api.words import words_of
from hpa.core.errors import InputError

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["C"], exclude_characters="$"), max_size=12)
VALUES = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.floats(-1e9, 1e9), TEXT, st.lists(TEXT, max_size=3))


def as_hydra_reads(word):
    read = OverridesParser.create().parse_override(word).value()
    return [plain(one) for one in read] if isinstance(read, list) else plain(read)


def plain(value):
    return value.text if isinstance(value, QuotedString) else value


@given(value=VALUES)
def test_every_value_arrives_as_it_was_given(value):
    [word] = words_of({"x": value})
    assert as_hydra_reads(word) == value


def test_numbers_of_numpy_and_paths_are_plain_values():
    settings = {"a": np.float32(0.5), "b": np.int64(3), "c": Path("my data"), "d": (1, 2), "e": {"f": True}}
    assert words_of(settings) == ["a=0.5", "b=3", "c='my data'", "d=[1,2]", "e={f:true}"]


def test_other_values_are_refused():
    with pytest.raises(InputError, match="loss: a function is no setting"):
        words_of({"loss": words_of})
