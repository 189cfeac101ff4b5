"""The settings of a part as its text holds them: those of the class that Python makes of it."""

import importlib
import inspect
from functools import cache
from typing import Any, get_type_hints

import pytest

from hpa.core.part_source import settings_of
from hpa.core.project_folder import project_folder
from hpa.core.setting_types import described, fits
from hpa.targets import _parts

OWN = sorted(name for name in _parts(project_folder()) if name.startswith("hpa."))
PART = {"_target_": "x.Y"}
VALUES: list[Any] = [None, True, 0, -1, 2.5, "a", "auto", [], [1], ["a"], [1.5, 2], [[1.0]], PART, [PART]]


@cache
def imported(target: str) -> type:
    module, _, name = target.rpartition(".")
    return vars(pytest.importorskip(module) if module.startswith("hpa.engines") else importlib.import_module(module))[
        name
    ]


def test_the_text_of_every_part_holds_what_its_class_takes():
    compared = 0
    for target in OWN:
        found = settings_of(target)
        if found is None:
            assert "__init__" not in vars(imported(target)), f"{target}: only inherited settings are not read"
            continue
        names = inspect.signature(imported(target)).parameters
        assert found.names == tuple(names) or found.names is None, target
        types = get_type_hints(imported(target).__init__)
        for name in found.types:
            compared += 1
            assert described(found.types[name]) == described(types[name]), f"{target}.{name}"
            same = [fits(value, found.types[name]) == fits(value, types[name]) for value in VALUES]
            assert all(same), f"{target}.{name}"
    assert compared > 400


@pytest.mark.parametrize(
    "target", ["torch.optim.AdamW", "os.system", "hpa.nowhere.X", "hpa.core.part_source.Nowhere", "nowhere", "x.Y"]
)
def test_nothing_is_known_of_what_is_no_class_of_ours(target):
    assert settings_of(target) is None


def test_a_mapping_without_class_is_no_part():
    expected = settings_of("hpa.models.crop.CropModel").types["head"]
    assert fits(PART, expected)
    assert not any(fits(value, expected) for value in ({}, {"a": 1}, "linear", None, 1, True, [PART]))
