import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpa.core.errors import InputError
from hpa.sources.coco_split import groups_of, split_images


@given(st.lists(st.integers(0, 12), min_size=40, max_size=60), st.integers(0, 100))
def test_no_group_straddles_parts_and_no_image_is_lost(numbers, seed):
    names = [f"image{row}" for row in range(len(numbers))]
    groups = [f"well{number}" for number in numbers]
    kinds = ["HEK" if number % 2 else "N2a" for number in numbers]
    if len(set(groups)) < 4:
        return
    parts = split_images(names, kinds, groups, [2, 1, 1], seed)
    assert list(parts) == ["train", "validate", "test"]
    assert sorted(name for part in parts.values() for name in part) == sorted(names)
    seen = [{groups[names.index(name)] for name in part} for part in parts.values()]
    assert sum(map(len, seen)) == len(set(groups))


def test_shares_and_classes_are_kept():
    names = [f"i{row}" for row in range(100)]
    kinds = ["HEK"] * 60 + ["N2a"] * 40
    parts = split_images(names, kinds, [f"w{row // 2}" for row in range(100)], [16, 2, 2], 0)
    assert {part: len(chosen) for part, chosen in parts.items()} == {"train": 80, "validate": 10, "test": 10}
    assert sum(int(name[1:]) < 60 for name in parts["test"]) == 6


@pytest.mark.parametrize(
    ("shares", "told"), [([1], "two or three"), ([8, 0], "from 1 on"), ([8, 1, 1], "too few for 10 equal shares")]
)
def test_what_makes_no_split_is_refused(shares, told):
    with pytest.raises(InputError, match=told):
        split_images(["a", "b"], ["x", "x"], ["a", "b"], shares, 0)


def test_groups_are_read_and_an_image_without_one_is_its_own(tmp_path):
    path = tmp_path / "index.csv"
    path.write_text("ID,group\na,w1\nb,\nc,w1\n")
    assert groups_of(path, ["c", "b", "d"]) == ["w1", "b", "d"]
    path.write_text("ID,group\na,w1\na,w2\n")
    with pytest.raises(InputError, match="'w1' and 'w2'"):
        groups_of(path, ["a"])
