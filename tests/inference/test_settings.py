import torch
from hypothesis import given
from hypothesis import strategies as st

from hpa.inference.settings import by_content, differences, digest_of_images, digest_of_weights, versions

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)
SETTINGS = st.dictionaries(st.text("abc", min_size=1, max_size=2), PLAIN, max_size=4)


def test_weights_differ_by_value_name_type_and_shape():
    def digest(**weights):
        return digest_of_weights(weights)

    one = torch.arange(6.0)
    assert digest(a=one, b=torch.ones(())) == digest(b=torch.ones(()), a=one.clone())
    others = [one.reshape(2, 3), one.int(), one + 1, one.bfloat16(), one.flip(0)]
    assert len({digest(a=other) for other in [one, *others]} | {digest(b=one)}) == 7
    assert digest(a=torch.arange(12.0).reshape(3, 4).T) == digest(a=torch.arange(12.0).reshape(3, 4).T.contiguous())


def test_files_stand_for_their_content_wherever_they_lie(tmp_path):
    for name, text in (("a", "same"), ("b", "same"), ("c", "other")):
        (tmp_path / name).write_text(text)
    one, same, other = ({"rule": [{"file": str(tmp_path / name), "share": 0.5}]} for name in "abc")
    assert by_content(one) == by_content(same) != by_content(other)
    assert by_content({"words": ["identity", 1, None]}) == {"words": ["identity", 1, None]}


def test_images_differ_by_order_and_size(source, make_field):
    source.add(make_field("a", 1, 20, 30))
    source.add(make_field("b", 1, 20, 30))
    table = source.table("test")
    assert digest_of_images(table) == digest_of_images(source.table("test"))
    reversed_order = table.with_frame(table.frame.iloc[::-1])
    wider = table.with_frame(table.frame.assign(width=31))
    finer = table.with_frame(table.frame.assign(pixel_um=0.07))
    assert len({digest_of_images(one) for one in (table, reversed_order, wider, finer)}) == 4


def test_versions_name_what_computes():
    assert {"torch", "numpy", "hpa"} <= set(versions())


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
