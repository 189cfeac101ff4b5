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
from typing import Annotated, Any, Literal, Optional, Union

from hpa.core.plugins import plugin_folder

_PACKAGE = Path(__file__).parents[1]


class Part:
    """The type of a setting that is no plain value: another part."""


_ABSTRACT: Mapping[str, Any] = {
    **{"Sequence": Sequence, "MutableSequence": Sequence, "Mapping": Mapping, "MutableMapping": Mapping},
    "Callable": Part,
}
_TYPING: Mapping[str, Any] = {
    **_ABSTRACT,
    **{"List": list, "Dict": dict, "Tuple": tuple, "Set": set},
    **{"Any": Any, "Literal": Literal, "Optional": Optional, "Union": Union},
    **{"Annotated": Annotated, "Final": Annotated},
}
_KNOWN: Mapping[str, Any] = {
    **{f"builtins.{one.__name__}": one for one in (bool, int, float, str, list, dict, tuple, set)},
    **{f"collections.abc.{name}": one for name, one in _ABSTRACT.items()},
    **{f"{module}.{name}": one for module in ("typing", "typing_extensions") for name, one in _TYPING.items()},
    "pathlib.Path": Path,
    **{"torch.nn.Module": Part, "jaxtyping.Float": Part},
}
"""What full names stand for in the types of settings; no plain value is a network or an array.

Of `Annotated` and `Final` the first argument counts.
"""
_PLAIN_BASES = ("Enum", "IntEnum", "StrEnum", "Flag", "TypedDict", "NamedTuple", "str", "int", "float", "dict", "list")
"""Bases of classes whose objects may be plain values."""
_EMPTY_BASES = ("abc.ABC", "typing.Protocol", "typing.Generic", "builtins.object")
"""Bases that give a dataclass no fields."""
_MAX_STEPS = 8


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
    if _is_dataclass(node):
        types = _fields(node, module)
        return None if types is None else Settings(types, tuple(types), text)
    return None if node.bases else Settings({}, (), text)


def _fields(node: ast.ClassDef, module: str, steps: int = 0) -> dict[str, Any] | None:
    """Return the types of the fields that a class gives to the constructor of a dataclass, with inherited ones.

    None where a base is of a library.
    """
    types: dict[str, Any] = {}
    for base in reversed(node.bases):
        name = ast.unparse(base.value if isinstance(base, ast.Subscript) else base)
        found, place = _found(name, module)
        if isinstance(found, ast.ClassDef) and steps < _MAX_STEPS:
            inherited = _fields(found, place, steps + 1)
            if inherited is None:
                return None
            types |= inherited
        elif found not in _EMPTY_BASES:
            return None
    return types | (_types(dict(_own_fields(node)), module) if _is_dataclass(node) else {})


def _own_fields(node: ast.ClassDef) -> Iterator[tuple[str, ast.expr]]:
    for member in node.body:
        if not isinstance(member, ast.AnnAssign) or not isinstance(member.target, ast.Name):
            continue
        if "ClassVar" not in ast.unparse(member.annotation) and "init=False" not in ast.unparse(member):
            yield member.target.id, member.annotation


def _is_dataclass(node: ast.ClassDef) -> bool:
    return any(_name_of(one) == "dataclass" for one in node.decorator_list)


def _types(annotated: Mapping[str, ast.expr | None], module: str) -> dict[str, Any]:
    return {name: _type(node, module, 0) for name, node in annotated.items() if node is not None}


def _type(node: ast.expr, module: str, steps: int) -> Any:
    """Return a type as Python would evaluate it: `Part` for a class of ours, `Any` for what is not understood."""
    match node:
        case ast.Constant(value=None):
            return None
        case ast.Constant(value=str(text)):
            return _type_of_text(text, module, steps)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _with_arguments(Union, [left, right], module, steps)
        case ast.Name() | ast.Attribute():
            return _type_of_name(ast.unparse(node), module, steps)
        case ast.Subscript(value=outer, slice=ast.Tuple(elts=inner)):
            return _with_arguments(_type(outer, module, steps), inner, module, steps)
        case ast.Subscript(value=outer, slice=one):
            return _with_arguments(_type(outer, module, steps), [one], module, steps)
    return Any


def _type_of_text(text: str, module: str, steps: int) -> Any:
    try:
        return _type(ast.parse(text, mode="eval").body, module, steps)
    except SyntaxError:
        return Any


def _type_of_name(name: str, module: str, steps: int) -> Any:
    found, place = _found(name, module)
    if isinstance(found, str):
        return _KNOWN.get(found, Any)
    if isinstance(found, ast.ClassDef):
        return Any if any(ast.unparse(one).rpartition(".")[2] in _PLAIN_BASES for one in found.bases) else Part
    return _type(found, place, steps + 1) if steps < _MAX_STEPS else Any


def _with_arguments(outer: Any, inner: Sequence[ast.expr], module: str, steps: int) -> Any:
    """Return a type with what stands in its brackets."""
    if outer in (Any, Part) or not inner:
        return outer if inner else Any
    if outer is Annotated:
        return _type(inner[0], module, steps)
    try:
        if outer is Literal:
            return Literal[tuple(map(ast.literal_eval, inner))]
        given = tuple(... if outer is tuple and _is_ellipsis(one) else _type(one, module, steps) for one in inner)
        return outer[given if len(given) > 1 else given[0]]
    except (TypeError, ValueError):  # a member of an enumeration, or what Python would refuse too
        return Any


def _found(name: str, module: str, steps: int = 0) -> tuple[ast.ClassDef | ast.expr | str, str]:
    """Return the class or the alias that a name, which may have dots, stands for in a module, and the module it is in.

    The full name where it is of neither this package nor a plugin.
    """
    head, _, rest = name.partition(".")
    for statement in _tree(module):
        match statement:
            case ast.ClassDef(name=given) if given == name:
                return statement, module
            case (
                ast.Assign(targets=[ast.Name(id=given)], value=ast.expr() as value)
                | ast.AnnAssign(target=ast.Name(id=given), value=ast.expr() as value)
            ) if given == name:
                return value, module
            case ast.Import() | ast.ImportFrom() if source := _imported_as(head, statement, module):
                full = f"{source}.{rest}".rstrip(".")
                holder, _, last = full.rpartition(".")
                return _found(last, holder, steps + 1) if _tree(holder) and steps < _MAX_STEPS else (full, "")
    return f"builtins.{name}", ""


def _imported_as(name: str, statement: ast.Import | ast.ImportFrom, module: str) -> str:
    """Return the full name of what a statement imports under a name, "" for nothing."""
    for one in statement.names:
        if isinstance(statement, ast.ImportFrom) and (one.asname or one.name) == name:
            return f"{_source(statement, module)}.{one.name}"
        if isinstance(statement, ast.Import) and (one.asname or one.name.partition(".")[0]) == name:
            return one.name if one.asname else name
    return ""


def _source(statement: ast.ImportFrom, module: str) -> str:
    """Return the full name of the module that a statement in another one imports from."""
    if not statement.level:
        return statement.module or ""
    file = _file(module)
    parts = module.split(".")
    up = statement.level - (file is not None and file.name == "__init__.py")
    return ".".join([*parts[: len(parts) - up], *([statement.module] if statement.module else [])])


def _is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def _name_of(decorator: ast.expr) -> str:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""


def _classes(module: str) -> dict[str, ast.ClassDef]:
    return {node.name: node for node in _tree(module) if isinstance(node, ast.ClassDef)}


def _tree(module: str) -> tuple[ast.stmt, ...]:
    """Return the statements of a module of this package or of a plugin, none of any other."""
    file = _file(module)
    return () if file is None else _parsed(file)


def _file(module: str) -> Path | None:
    package, *parts = module.split(".")
    folder = _PACKAGE if package == _PACKAGE.name else plugin_folder(package)
    if folder is None:
        return None
    place = folder.joinpath(*parts)
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


@cache
def _parsed(file: Path) -> tuple[ast.stmt, ...]:
    return tuple(_flat(ast.parse(file.read_bytes()).body)) if file.is_file() else ()


def _flat(statements: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Give statements, with those of conditions: types may be imported for type checkers only."""
    for one in statements:
        if isinstance(one, ast.If | ast.Try):
            handled = [inner for handler in getattr(one, "handlers", ()) for inner in handler.body]
            yield from _flat([*one.body, *handled, *one.orelse])
        else:
            yield one
