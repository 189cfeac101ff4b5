"""Shapes and types of the library's functions, checked whenever a test calls one: jaxtyping and beartype at work.

Modules of `CHECKED` are imported through a loader that puts `checked` on every function and dataclass. The checks of a
function are built at its first call: a test process imports hundreds of functions that it never calls, and building
checks is what takes the time. What such a module imports from other packages is left to Python, bytecode included.
"""

from __future__ import annotations

import ast
import functools
import inspect
import sys
import threading
from collections.abc import Sequence
from dataclasses import is_dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any

from beartype import beartype
from jaxtyping import jaxtyped

PACKAGES = (
    "core interfaces formats sources cells pixels intake simulation segmenters models losses supervision metrics "
    "training stages inference reports"
)
CHECKED = tuple(f"hpa.{package}" for package in PACKAGES.split())
"""Everything below the composition root."""
DECORATOR = "__checked__"
_building = threading.RLock()
"""Python 3.11 counts the depth of syntax trees for all threads together, and fails where two build some at once."""


def checked(item: Any) -> Any:
    """Return a function with its arguments and result checked, or a class with its generated constructor checked."""
    if not inspect.isclass(item):
        return _checked_when_called(item)
    made = vars(item).get("__init__")
    if is_dataclass(item) and made is not None and not hasattr(made, "__wrapped__"):
        item.__init__ = _checked_when_called(made)
    return item


def _checked_when_called(function: Any) -> Any:
    ready = None

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        nonlocal ready
        if ready is None:
            with _building:
                ready = ready or jaxtyped(function, typechecker=beartype)
        return ready(*args, **kwargs)

    return call


class _Decorating(ast.NodeTransformer):
    """Puts the decorator next to functions, where annotations still are, and above that of dataclasses."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.decorator_list.append(ast.copy_location(ast.Name(DECORATOR, ast.Load()), node))
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.generic_visit(node)
        node.decorator_list.insert(0, ast.copy_location(ast.Name(DECORATOR, ast.Load()), node))
        return node


class _CheckedLoader(SourceFileLoader):
    def source_to_code(self, data: Any, path: Any, *, _optimize: int = -1) -> Any:
        tree = _Decorating().visit(ast.parse(data, path))
        return compile(tree, path, "exec", dont_inherit=True, optimize=_optimize)

    def path_stats(self, path: Any) -> Any:
        raise OSError(f"{path}: the bytecode beside it has no checks, and checked bytecode shall not lie there")

    def exec_module(self, module: ModuleType) -> None:
        vars(module)[DECORATOR] = checked
        super().exec_module(module)


class _CheckedFinder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not f"{fullname}.".startswith(tuple(f"{package}." for package in CHECKED)):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _CheckedLoader(spec.loader.name, spec.loader.path)
        return spec


def install() -> None:
    """Check every module of `CHECKED` that is imported from now on.

    Raises:
        RuntimeError: If one has been imported before, and so would stay unchecked.
    """
    early = [name for name in sys.modules if f"{name}.".startswith(tuple(f"{package}." for package in CHECKED))]
    if early:
        raise RuntimeError(f"{', '.join(early)}: imported before tests/conftest.py, and so without checks.")
    sys.meta_path.insert(0, _CheckedFinder())
