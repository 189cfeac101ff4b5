from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpa.core.errors import InputError
from hpa.models.frozen import channel_indices

CHANNELS = ["red", "green", "blue", "yellow"]


@given(st.permutations(CHANNELS), st.permutations(CHANNELS), st.integers(1, 4))
def test_each_channel_is_found_by_its_name(channels, reads, count):
    assert [channels[place] for place in channel_indices(reads[:count], channels)] == reads[:count]


def test_what_is_missing_is_refused():
    with pytest.raises(InputError, match=r"data\.channels=\['green'\] lacks red, blue"):
        channel_indices(["red", "green", "blue"], ["green"])
