import pytest

from benchmarks.attack.bad_input import try_kind
from benchmarks.attack.bad_input_kinds import KINDS
from benchmarks.attack.figures import Outcome


@pytest.mark.parametrize("kind", KINDS, ids=[kind.name.replace(" ", "_") for kind in KINDS])
def test_bad_input_is_refused_in_words(kind, tmp_path):
    assert try_kind(kind, tmp_path) is Outcome.REFUSED


def test_there_are_many_kinds_of_different_names():
    assert len({kind.name for kind in KINDS}) == len(KINDS) >= 60
    assert all(kind.says for kind in KINDS)
