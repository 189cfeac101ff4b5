"""Defaults of parts that are built in Python: those of their YAML files, so that each number stands in one place."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from omegaconf import OmegaConf

from hpa.config import build
from hpa.core.errors import InputError
from hpa.core.project_folder import project_folder

T = TypeVar("T")


class _InYaml:
    """Stands for a value of a YAML file."""

    def __repr__(self) -> str:
        return "<as in conf/>"


IN_YAML: Any = _InYaml()
"""Default of an argument whose value stands in the file that `defaults_of` names."""


def defaults_of(choice: str) -> Callable[[type[T]], type[T]]:
    """Take arguments that are left out from a file of `conf/`.

    Args:
        choice: The file, e.g. `segmenter/watershed`; other classes and values of it may refer to what is given.
    """

    def with_defaults(part: type[T]) -> type[T]:
        original = part.__init__
        signature = inspect.signature(original)

        @functools.wraps(original)
        def filled(self: T, *arguments: Any, **named: Any) -> None:
            given = signature.bind(self, *arguments, **named)
            given.apply_defaults()
            left_out = [name for name, value in given.arguments.items() if value is IN_YAML]
            if left_out:
                plain = {k: v for k, v in list(given.arguments.items())[1:] if isinstance(v, str | int | float)}
                given.arguments.update(_values(part.__name__, choice, left_out, plain))
            original(*given.args, **given.kwargs)

        part.__init__ = filled  # type: ignore[assignment, method-assign]
        return part

    return with_defaults


def _values(name: str, choice: str, wanted: list[str], given: dict[str, Any]) -> dict[str, Any]:
    file = OmegaConf.load(project_folder() / "conf" / f"{choice}.yaml")
    shipped = OmegaConf.to_container(OmegaConf.merge(file, given), resolve=True)
    assert isinstance(shipped, dict)
    if missing := [one for one in wanted if shipped[one] == "???"]:
        raise InputError(f"{name} needs {', '.join(missing)}: give {name}({missing[0]}=…).")
    return {one: build(shipped[one]) if isinstance(shipped[one], dict) else shipped[one] for one in wanted}
