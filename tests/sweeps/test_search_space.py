import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from hpa.core.errors import InputError
from hpa.sweeps.search_space import split_space

distributions = pytest.importorskip("optuna.distributions")


def split(*words: str):
    return split_space(OverridesParser.create().parse_overrides(list(words)))


def test_words_become_distributions():
    fixed, space = split("seed=1", "a=tag(log,interval(0.1,10))", "b=int(interval(1,4))", "c=x,y", "d=range(2,9,3)")
    assert fixed == ["seed=1"]
    assert space == {
        "a": distributions.FloatDistribution(0.1, 10, log=True),
        "b": distributions.IntDistribution(1, 4),
        "c": distributions.CategoricalDistribution(["x", "y"]),
        "d": distributions.IntDistribution(2, 8, step=3),
    }


def test_a_later_word_replaces_that_of_the_search_space():
    fixed, space = split("a=interval(0.0,1.0)", "b=x,y", "a=0.5")
    assert (fixed, list(space)) == (["a=0.5"], ["b"])


@pytest.mark.parametrize("words", [["a=1"], ["a=tag(log,interval(-1.0,1.0))"], ["a=interval(2.0,1.0)"]])
def test_a_space_that_cannot_be_searched_is_refused(words):
    with pytest.raises(InputError, match=r"nothing is searched|a="):
        split(*words)
