from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpa.core.errors import InputError
from hpa.models.extractors.channel_order import places_of

CHANNELS = ["red", "green", "blue", "yellow"]


@given(st.permutations(CHANNELS), st.permutations(CHANNELS), st.integers(1, 4))
def test_each_channel_is_found_by_its_name(shown, reads, count):
    assert [shown[place] for place in places_of(reads[:count], shown)] == reads[:count]


def test_what_is_missing_is_told():
    with pytest.raises(InputError, match=r"data\.channels=\['green'\] lacks red, blue"):
        places_of(["red", "green", "blue"], ["green"])
