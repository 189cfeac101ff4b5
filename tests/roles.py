"""Whether a class fills a role: `isinstance` asks a Protocol for names only, this compares what stands behind them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

from torch import nn

SHAPE = re.compile(r'\w+\[[\w.]+, "([^"]*)"\]')


def assert_fills(part: Any, role: type) -> None:
    """Make sure that a part has the attributes of a role, and the methods as `assert_class_fills` compares them."""
    for name in _attributes_of(role):
        assert hasattr(part, name), f"{type(part).__name__} has no attribute {name}"
    assert_class_fills(type(part), role)


def assert_class_fills(part: type, role: type) -> None:
    """Make sure that a class can be called in every way that a role can be.

    Parameters must have the names, order and kinds of the role's, further ones a default; arrays in arguments and
    results must have as many axes.
    """
    for name, expected in _methods_of(role).items():
        called = "forward" if name == "__call__" and issubclass(part, nn.Module) else name
        found = getattr(part, called, None)
        assert callable(found), f"{part.__name__} has no method {called}"
        _require_signature(f"{part.__name__}.{called}", inspect.signature(found), inspect.signature(expected))


def _attributes_of(role: type) -> set[str]:
    """Return the names of a role's attributes and properties."""
    properties = {name for name, value in vars(role).items() if isinstance(value, property)}
    return properties | set(vars(role).get("__annotations__", {}))


def _methods_of(role: type) -> dict[str, Callable[..., Any]]:
    return {
        name: value
        for name, value in vars(role).items()
        if inspect.isfunction(value) and (name == "__call__" or not name.startswith("_"))
    }


def _require_signature(name: str, found: inspect.Signature, expected: inspect.Signature) -> None:
    own, wanted = list(found.parameters.values()), list(expected.parameters.values())
    assert [(p.name, p.kind) for p in own[: len(wanted)]] == [(p.name, p.kind) for p in wanted], f"{name}{found}"
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    assert all(p.default is not p.empty or p.kind in optional for p in own[len(wanted) :]), f"{name}{found}"
    for one, other in zip(own, wanted, strict=False):
        assert (other.default is other.empty) or (one.default is not one.empty), f"{name}: {one.name} needs a default"
        _require_axes(f"{name}: {one.name}", one.annotation, other.annotation)
    _require_axes(f"the result of {name}", found.return_annotation, expected.return_annotation)


def _require_axes(what: str, found: Any, expected: Any) -> None:
    """Make sure that all shapes of an annotation have as many axes as those of another; `...` and `*axes` fit all."""
    own, wanted = (SHAPE.findall(str(annotation)) for annotation in (found, expected))
    for one, other in zip(own, wanted, strict=False):
        if "*" in one + other or "..." in one + other:
            continue
        assert len(one.split()) == len(other.split()), f"{what} is {found}, expected {expected}"
