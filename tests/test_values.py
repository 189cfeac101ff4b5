import copy
from collections.abc import Iterator, Sequence
from typing import Literal

import pytest

from hpa.core.errors import InputError, UsageError
from hpa.core.setting_types import fits
from hpa.values import SETTINGS, described_key, require_values
from tests.test_configs import composed, lines


def places(node, key: str = "", own: bool = False) -> Iterator[tuple[list, object]]:
    """Path and value of every setting of the parts of this package."""
    if isinstance(node, dict):
        own = str(node.get("_target_", "")).startswith("hpa.")
        for name, value in node.items():
            if not name.startswith("_"):
                if own:
                    yield [name], value
                yield from (([name, *path], found) for path, found in places(value))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from (([index, *path], found) for path, found in places(value))


def changed(config, path, value):
    copied = {path[0]: copy.deepcopy(config[path[0]])}
    node = copied
    for name in path[:-1]:
        node = node[name]
    node[path[-1]] = value
    return copied


WRONG = {
    bool: ["maybe", 2, None],
    int: ["abc", 2.5, True, float("nan"), -1],
    float: ["abc", True, float("nan"), -1.0],
}


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.thorough)])
@pytest.mark.parametrize(("name", "words"), lines())
def test_every_number_and_switch_of_every_choice_refuses_what_it_cannot_take(name, words, every):
    """One wrong value for each setting, in turn; all of them in the thorough tests."""
    config = composed(name, [word for word in words if not word.startswith(("segmenter=unet", "segmenter=mask_rcnn"))])
    require_values(config)
    tried = 0
    for path, value in places(config):
        wrongs = WRONG.get(type(value), [])
        for wrong in wrongs if every or not wrongs else [wrongs[tried % len(wrongs)]]:
            if type(value) is int and path[-1] in ("devices", "limit_batches"):
                continue
            tried += 1
            with pytest.raises(InputError) as raised:
                require_values(changed(config, path, wrong))
            assert str(path[-1]) in str(raised.value)
    assert tried or name == "infer"


def test_the_message_names_the_key_what_is_expected_what_came_and_what_it_means():
    trainer = composed("train", [])["trainer"]
    with pytest.raises(UsageError, match=r"trainer\.max_epochs=abc: expected a whole number \(Epochs of the run\)"):
        require_values({"trainer": trainer | {"max_epochs": "abc"}})
    with pytest.raises(UsageError, match=r"Write 10\."):
        require_values({"trainer": trainer | {"max_epochs": 10.0}})
    with pytest.raises(UsageError, match=r"expected 1 or more, came 0"):
        require_values({"trainer": trainer | {"max_epochs": 0}})
    with pytest.raises(UsageError, match=r"has no such setting, but max_epochs, accelerator"):
        require_values({"trainer": trainer | {"epochs": 3}})


@pytest.mark.parametrize("key", [key for key, expected in SETTINGS.items() if expected in (int, float, bool)])
def test_settings_of_no_part_are_checked_too(key):
    for wrong in ("abc", None, [1]):
        with pytest.raises(UsageError, match=f"{key}="):
            require_values({key: wrong})


@pytest.mark.parametrize(
    ("value", "expected", "is_fit"),
    [
        (1, float, True),
        (float("inf"), float, True),
        (None, int | None, True),
        ([1, 2], tuple[int, int], True),
        ([1, 2, 3], tuple[int, int], False),
        ([1, 2, 3], tuple[int, ...], True),
        ("a", Literal["a", "b"], True),
        ("c", Literal["a", "b"], False),
        ("a", Sequence[str], False),
        ({"a": 1}, dict[str, float], True),
        ({"a": "b"}, dict[str, float], False),
        ({"_target_": "x.Y"}, Sequence[int], True),
        ({"_target_": "x.Y"}, int, False),
    ],
)
def test_plain_values_fit_types(value, expected, is_fit):
    assert fits(value, expected) is is_fit


def test_a_shared_run_is_taken_part_in_by_a_word():
    require_values({"workers": "join", "threads": 2})
    with pytest.raises(UsageError, match=r"workers=many: expected a whole number or join"):
        require_values({"workers": "many"})


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"workers": 10**9}, r"workers=1000000000: expected 0 to 1,024, came 1000000000"),
        (
            {"crop": {"_target_": "hpa.cells.crops.CropSpec", "side_px": 10**6}},
            r"crop\.side_px=1000000: .* 1 to 23,170",
        ),
        ({"seed": 10**30}, r"seed=1000000000000000000000000000000: expected 0 to 9,223,372,036,854,775,807"),
        ({"seed": 10**400}, r"seed=10+…: expected 0 to "),
    ],
    ids=["workers", "side_px", "seed", "endless"],
)
def test_what_no_machine_holds_is_refused_before_it_is_made(setting, words):
    with pytest.raises(UsageError, match=words):
        require_values(setting)


@pytest.mark.parametrize("key", [key for key in SETTINGS if "." in key])
def test_help_says_what_a_setting_of_a_group_expects(key):
    group, name = key.split(".")
    assert any(line.startswith("  Expected: ") for line in described_key({group: {name: None}}, key))


def test_help_of_a_setting_of_a_group_is_not_that_of_another_with_its_last_word():
    assert not any("Expected" in line for line in described_key({"mine": {"device": 1}}, "mine.device"))
