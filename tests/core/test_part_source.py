"""The settings of a part as its text holds them: those of the class that Python makes of it."""

import importlib
import inspect
import sys
from functools import cache
from typing import Any, Literal, get_type_hints

import pytest

from hpa.core import part_source, plugins
from hpa.core.part_source import Part, settings_of
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


BASE = """
import pathlib as p
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, TypeAlias
Size = tuple[int, int]
Wide: TypeAlias = "int | None"
Loop = "Loop"
class Head: ...
@dataclass
class Base(Protocol):
    side_px: int
    folder: p.Path = p.Path()
    made: ClassVar[int] = 0
    area: float = field(init=False)
"""
PARTS = """
import collections.abc
import enum
import pathlib
import typing as t
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Dict, List, Literal, Mapping, Tuple
import numpy
from torch.utils.data import Dataset
from . import base
from .base import Base, Size as Pair
if TYPE_CHECKING:
    from pathlib import Path
A = "a"
class Mode(enum.Enum):
    X = "x"
class Typed:
    def __init__(self, setting: {type}) -> None: ...
@dataclass
class Child(Base):
    name: str = ""
@dataclass
class OfALibrary(Dataset):
    name: str = ""
"""


@pytest.fixture
def typed(tmp_path, monkeypatch):
    """Return the settings of a class of a plugin, whose setting is of a type."""
    package = tmp_path / "typedlab"
    (package / "conf").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "base.py").write_text(BASE)
    monkeypatch.setattr(plugins, "_named", {"typedlab": package})
    monkeypatch.setenv(plugins.SETTING, "")
    part_source._parsed.cache_clear()

    def settings(written: str = "int", name: str = "Typed"):
        (package / "parts.py").write_text(PARTS.replace("{type}", written))
        return settings_of(f"typedlab.parts.{name}")

    yield settings
    part_source._parsed.cache_clear()
    assert "typedlab" not in sys.modules


@pytest.mark.parametrize(
    ("written", "fitting", "other"),
    [
        ("List[int]", [1], ["a"]),
        ("Tuple[int, int]", [1, 2], [1]),
        ("tuple[int, ...]", [1, 2, 3], ["a"]),
        ("Dict[str, int]", {"a": 1}, {"a": "b"}),
        ("Mapping[str, Any]", {"a": [1]}, 1),
        ("t.Optional[int]", None, "a"),
        ("t.Union[int, 'str']", "a", 1.5),
        ("pathlib.Path", "a", 1),
        ("Path", "a", 1),
        ("collections.abc.Sequence[str]", ["a"], "a"),
        ("Pair", [1, 2], [1]),
        ("base.Size | None", [1, 2], [1]),
        ("base.Wide", None, "a"),
        ("Annotated[int, 'px']", 1, "a"),
        ("Literal['a', -1, None]", -1, "b"),
        ("base.Head", PART, "a"),
        ("base.Head | None", None, 1),
    ],
)
def test_types_of_plugins_are_those_of_python(typed, written, fitting, other):
    expected = typed(written).types["setting"]
    assert fits(fitting, expected)
    assert not fits(other, expected)


@pytest.mark.parametrize(
    "written",
    [
        *("t.Any", "Literal[A, 'b']", "Literal[Mode.X]", "Mode", "tuple[()]", "numpy.ndarray", "base.Loop"),
        *("base.Nowhere", "'no type'", "t.Optional[int, str]", "type[int]", "unknown", "int | Literal[[1]]"),
    ],
)
def test_a_type_that_is_not_understood_takes_any_value(typed, written):
    expected = typed(written).types["setting"]
    assert all(fits(value, expected) for value in VALUES)
    assert Part not in (expected, *getattr(expected, "__args__", ()))


def test_a_dataclass_has_the_fields_that_it_inherits(typed):
    found = typed(name="Child")
    assert found.names == ("side_px", "folder", "name")
    assert [described(found.types[name]) for name in found.names] == ["a whole number", "a text", "a text"]
    assert typed(name="OfALibrary") is None


def test_any_value_is_no_part():
    assert described(Any) == "any value"
    assert described(Literal["a"]) == "a"
