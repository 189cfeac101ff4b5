"""What a part is, by the text of its module: its settings, their types and their meaning; nothing is imported.

A config may come from a stranger, and a misspelt word should not wait for PyTorch: both are held against the text of
the modules that a config names.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, Optional, Union

from hpa.core.plugins import plugin_folder

_PACKAGE = Path(__file__).parents[1]
_KNOWN: Mapping[str, Any] = {
    **{one.__name__: one for one in (bool, int, float, str, list, dict, tuple, set, Path, Sequence, Mapping)},
    **{"Any": Any, "Literal": Literal, "Optional": Optional, "Union": Union},
}
"""Names that stand for plain values in the types of settings, each the same in every module."""
_MAX_ALIASES = 8


class Part:
    """The type of a setting that is no plain value: another part."""


@dataclass(frozen=True)
class Settings:
    """The settings of a part.

    Attributes:
        types: Type of each; a setting without type is missing here.
        names: All of them; None where the class takes any.
        text: The docstring of the class.
    """

    types: Mapping[str, Any]
    names: tuple[str, ...] | None
    text: str


def classes_of(module: str) -> frozenset[str]:
    """Return the names of the classes that a module of this package or of a plugin defines."""
    return frozenset(_classes(module))


def settings_of(target: str) -> Settings | None:
    """Return the settings of a class, None where its text does not hold them: a library's, or inherited ones.

    Args:
        target: Full name of the class.
    """
    module, _, name = target.rpartition(".")
    node = _classes(module).get(name)
    if node is None:
        return None
    text = ast.get_docstring(node) or ""
    for member in node.body:
        if isinstance(member, ast.FunctionDef) and member.name == "__init__":
            arguments = [*member.args.posonlyargs, *member.args.args, *member.args.kwonlyargs][1:]
            annotated = {one.arg: one.annotation for one in arguments}
            names = tuple(annotated) if member.args.kwarg is None else None
            return Settings(_types(annotated, module), names, text)
    if any(_name_of(one) == "dataclass" for one in node.decorator_list):
        fields = dict(_fields(node))
        return Settings(_types(fields, module), tuple(fields), text)
    return None if node.bases else Settings({}, (), text)


def _fields(node: ast.ClassDef) -> Iterator[tuple[str, ast.expr]]:
    """Give the fields of a dataclass that its constructor takes."""
    for member in node.body:
        if not isinstance(member, ast.AnnAssign) or not isinstance(member.target, ast.Name):
            continue
        if "ClassVar" not in ast.unparse(member.annotation) and "init=False" not in ast.unparse(member):
            yield member.target.id, member.annotation


def _types(annotated: Mapping[str, ast.expr | None], module: str) -> dict[str, Any]:
    return {name: _type(node, module, 0) for name, node in annotated.items() if node is not None}


def _type(node: ast.expr, module: str, aliases: int) -> Any:
    """Return a type as Python would evaluate it, with `Part` for whatever is no plain value."""
    match node:
        case ast.Constant(value=None):
            return None
        case ast.Constant(value=str(text)):
            return _type(ast.parse(text, mode="eval").body, module, aliases)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return Union[_type(left, module, aliases), _type(right, module, aliases)]  # noqa: UP007
        case ast.Name(id=name):
            return _KNOWN[name] if name in _KNOWN else _alias(name, module, aliases)
        case ast.Subscript(value=ast.Name(id="Literal"), slice=values):
            return Literal[ast.literal_eval(values)]
        case ast.Subscript(value=ast.Name(id=name), slice=inner) if name in _KNOWN:
            parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            arguments = tuple(... if _is_ellipsis(one) else _type(one, module, aliases) for one in parts)
            return _KNOWN[name][arguments if len(arguments) > 1 else arguments[0]]
    return Part


def _alias(name: str, module: str, aliases: int) -> Any:
    """Return the type that a module, or the one that it takes the name from, gives a name."""
    for statement in _tree(module) if aliases < _MAX_ALIASES else ():
        match statement:
            case ast.Assign(targets=[ast.Name(id=given)], value=value) if given == name:
                return _type(value, module, aliases + 1)
            case ast.ImportFrom(module=str(source), names=names) if found := _imported_as(name, names):
                return _alias(found, source, aliases + 1)
    return Part


def _imported_as(name: str, imported: Sequence[ast.alias]) -> str:
    """Return what a statement imports under a name, "" for nothing."""
    return next((one.name for one in imported if (one.asname or one.name) == name), "")


def _is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def _name_of(decorator: ast.expr) -> str:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""


def _classes(module: str) -> dict[str, ast.ClassDef]:
    return {node.name: node for node in _tree(module) if isinstance(node, ast.ClassDef)}


def _tree(module: str) -> tuple[ast.stmt, ...]:
    """Return the statements of a module of this package or of a plugin, none of any other."""
    package, *parts = module.split(".")
    folder = _PACKAGE if package == _PACKAGE.name else plugin_folder(package)
    if folder is None:
        return ()
    place = folder.joinpath(*parts)
    return _parsed(place / "__init__.py" if place.is_dir() else place.with_suffix(".py"))


@cache
def _parsed(file: Path) -> tuple[ast.stmt, ...]:
    return tuple(ast.parse(file.read_bytes()).body) if file.is_file() else ()
