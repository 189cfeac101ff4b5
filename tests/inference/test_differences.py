from hypothesis import given
from hypothesis import strategies as st

from hpa.inference.differences import differences

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)
SETTINGS = st.dictionaries(st.text("abc", min_size=1, max_size=2), PLAIN, max_size=4)


@given(SETTINGS, SETTINGS)
def test_settings_differ_exactly_where_they_are_unequal(one, other):
    assert differences(one, one) == []
    assert bool(differences(one, other)) == (one != other)
    assert len(differences(one, other)) == len(differences(other, one))


def test_differences_are_named_as_on_the_command_line():
    one = {"tta": {"symmetries": ["identity"]}, "members": [{"weights": "aa"}], "rules": {}, "split": "test"}
    other = {"tta": {"symmetries": ["identity", "transpose"]}, "members": [{"weights": "bb"}, {"weights": "cc"}]}
    assert differences(one, other) == [
        'tta.symmetries: ["identity"], ["identity", "transpose"]',
        "members.0.weights: aa, bb",
        "rules: {}, nothing",
        "split: test, nothing",
        "members.1.weights: nothing, cc",
    ]
