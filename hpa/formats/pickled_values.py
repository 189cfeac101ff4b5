"""Pickles read as plain values: an interpreter of the format in which no name of a file is looked up, let alone called.

`pickle.Unpickler` with a guarded `find_class` is not enough: `numpy.ndarray(shape, dtype('O'), bytes)` makes object
pointers out of bytes, a single opcode reserves gigabytes, and the hash of nested tuples takes forever. Here an object
is a record of its name, arguments and state, and only numeric arrays are made of such records, out of their bytes.
"""

from __future__ import annotations

import math
import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from hpa.core.errors import InputError

_ARRAYS = (("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct"))
_BUFFERS = (("numpy.core.numeric", "_frombuffer"), ("numpy._core.numeric", "_frombuffer"))
_KINDS = "biuf"
_MAX_STEPS = 5_000_000
"""A file of Cellpose takes some hundreds, and some for each corrected cell; a step may take 100 bytes of memory."""
_SCALARS = (bool, int, float, str, bytes, type(None))


class Name(NamedTuple):
    """A name of a file, e.g. of a class; it stands for itself."""

    module: str
    name: str


@dataclass(eq=False)
class Record:
    """What a file would have constructed: nothing of it was run.

    Attributes:
        name: What would have been called.
        arguments: Its arguments.
        state: What would have been set afterwards, None if nothing.
    """

    name: Any
    arguments: Any
    state: Any = None


class _Mark:
    """Where a list of arguments begins on the stack."""


@dataclass
class _Machine:
    """State of the interpreter: pickles are programs of a stack machine."""

    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def since_mark(self) -> list[Any]:
        """Take all values above the topmost mark, and the mark."""
        place = next(place for place in reversed(range(len(self.stack))) if isinstance(self.stack[place], _Mark))
        values = self.stack[place + 1 :]
        del self.stack[place:]
        return values


def read_pickle(content: bytes) -> Any:
    """Return what a pickle holds: dictionaries, lists, tuples, sets, texts and numbers, and records of all else.

    Raises:
        InputError: If the pickle is damaged, or uses what no array or dictionary needs.
    """
    machine = _Machine()
    try:
        for number, (opcode, argument, _) in enumerate(pickletools.genops(content)):
            if number == _MAX_STEPS:
                raise InputError(f"the pickle has more than {_MAX_STEPS:,} steps, which no array or dictionary needs")
            if opcode.name == "STOP":
                return machine.stack[-1]
            _step(machine, opcode.name, argument)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, StopIteration, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"the pickle is damaged ({error})") from error
    raise InputError("the pickle is cut off")


def array_of(value: Any) -> np.ndarray | None:
    """Return the array that a record stands for; None if it stands for none, or for one that holds no plain numbers.

    Raises:
        InputError: If it stands for an array of another size than its bytes.
    """
    if not isinstance(value, Record):
        return None
    if value.name in _ARRAYS and isinstance(value.state, tuple) and len(value.state) >= 4:
        shape, dtype, is_fortran, content = value.state[-4:]
    elif value.name in _BUFFERS and isinstance(value.arguments, tuple) and len(value.arguments) == 4:
        content, dtype, shape, order = value.arguments
        is_fortran = order == "F"
    else:
        return None
    kind, pixels = _dtype_of(dtype), _bytes_of(content)
    if kind is None or pixels is None or not isinstance(shape, tuple):
        return None
    if not all(type(side) is int and side >= 0 for side in shape) or math.prod(shape) * kind.itemsize != len(pixels):
        raise InputError(f"an array of the shape {shape!r:.60} and type {kind} does not have {len(pixels)} bytes")
    return np.frombuffer(pixels, kind).reshape(shape, order="F" if is_fortran else "C")


def _dtype_of(value: Any) -> np.dtype[Any] | None:
    """Return the type of a plain number that a record of `numpy.dtype` stands for, None if it is none."""
    if not isinstance(value, Record) or value.name != ("numpy", "dtype") or not isinstance(value.arguments, tuple):
        return None
    code = value.arguments[0] if value.arguments else None
    order: Any = value.state[1] if isinstance(value.state, tuple) and len(value.state) > 1 else "="
    if not isinstance(code, str) or code[:1] not in _KINDS or code[1:] not in ("1", "2", "4", "8") or code == "f1":
        return None
    return np.dtype(code).newbyteorder(order) if order in ("<", ">", "=", "|") else None


def _bytes_of(value: Any) -> bytes | None:
    """Return bytes, which old pickles keep as text in Latin-1."""
    if isinstance(value, Record) and value.name == ("_codecs", "encode") and isinstance(value.arguments, tuple):
        text = value.arguments[0] if value.arguments else None
        return text.encode("latin1") if isinstance(text, str) else None
    if isinstance(value, Record) and value.name == ("__builtin__", "bytes") and value.arguments == ():
        return b""
    return bytes(value) if isinstance(value, bytes | bytearray) else None


def _step(machine: _Machine, opcode: str, argument: Any) -> None:
    """Do what one opcode says."""
    if opcode in _CONSTANTS:
        machine.stack.append(_CONSTANTS[opcode](argument))
    elif opcode in _ON_STACK:
        _ON_STACK[opcode](machine)
    elif opcode in ("PUT", "BINPUT", "LONG_BINPUT"):
        machine.memo[argument] = machine.stack[-1]
    elif opcode in ("GET", "BINGET", "LONG_BINGET"):
        machine.stack.append(machine.memo[argument])
    elif opcode == "GLOBAL":
        machine.stack.append(Name(*argument.split(" ", 1)))
    elif opcode not in ("PROTO", "FRAME"):
        raise InputError(f"the pickle uses {opcode}, which no array or dictionary needs")


def _drop(machine: _Machine) -> None:
    machine.stack.pop()


def _drop_all(machine: _Machine) -> None:
    machine.since_mark()


def _memoize(machine: _Machine) -> None:
    machine.memo[len(machine.memo)] = machine.stack[-1]


def _collect(make: Callable[[list[Any]], Any]) -> Callable[[_Machine], None]:
    def step(machine: _Machine) -> None:
        machine.stack.append(make(machine.since_mark()))

    return step


def _tuple(count: int) -> Callable[[_Machine], None]:
    def step(machine: _Machine) -> None:
        values = tuple(machine.stack.pop() for _ in range(count))
        machine.stack.append(values[::-1])

    return step


def _name(machine: _Machine) -> None:
    name, module = machine.stack.pop(), machine.stack.pop()
    if not (isinstance(name, str) and isinstance(module, str)):
        raise InputError("the pickle is damaged (a name is no text)")
    machine.stack.append(Name(module, name))


def _call(machine: _Machine) -> None:
    arguments, called = machine.stack.pop(), machine.stack.pop()
    machine.stack.append(Record(called, arguments))


def _call_with_keywords(machine: _Machine) -> None:
    machine.stack.pop()
    _call(machine)


def _set_state(machine: _Machine) -> None:
    state = machine.stack.pop()
    if isinstance(machine.stack[-1], Record):
        machine.stack[-1].state = state


def _append(machine: _Machine) -> None:
    value = machine.stack.pop()
    _extend(machine.stack[-1], [value])


def _append_all(machine: _Machine) -> None:
    values = machine.since_mark()
    _extend(machine.stack[-1], values)


def _extend(target: Any, values: list[Any]) -> None:
    if isinstance(target, list):
        target.extend(values)


def _set_item(machine: _Machine) -> None:
    value, key = machine.stack.pop(), machine.stack.pop()
    _update(machine.stack[-1], [key, value])


def _set_items(machine: _Machine) -> None:
    pairs = machine.since_mark()
    _update(machine.stack[-1], pairs)


def _update(target: Any, pairs: list[Any]) -> None:
    if isinstance(target, dict):
        target.update(_dictionary(pairs))


def _dictionary(pairs: list[Any]) -> dict[Any, Any]:
    """Return the dictionary of keys and values in turn; of plain keys, for to hash nested tuples takes forever."""
    if any(type(key) not in _SCALARS for key in pairs[::2]):
        raise InputError("the pickle holds a dictionary whose keys are no texts or numbers")
    return dict(zip(pairs[::2], pairs[1::2], strict=True))


_CONSTANTS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(
        ("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "UNICODE", "BINUNICODE"),
        lambda argument: argument,
    ),
    **dict.fromkeys(("SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES"), lambda argument: argument),
    **dict.fromkeys(("BINBYTES8", "BYTEARRAY8"), lambda argument: argument),
    # texts of Python 2, where bytes and texts were one
    **dict.fromkeys(("STRING", "BINSTRING", "SHORT_BINSTRING"), lambda argument: argument.encode("latin1")),
    "NONE": lambda _: None,
    "NEWTRUE": lambda _: True,
    "NEWFALSE": lambda _: False,
    "MARK": lambda _: _Mark(),
    "EMPTY_LIST": lambda _: [],
    "EMPTY_TUPLE": lambda _: (),
    "EMPTY_DICT": lambda _: {},
    "EMPTY_SET": lambda _: [],
}
"""Opcodes that put a value on the stack; a set becomes a list."""
_ON_STACK: dict[str, Callable[[_Machine], None]] = {
    "POP": _drop,
    "POP_MARK": _drop_all,
    "DUP": lambda machine: machine.stack.append(machine.stack[-1]),
    "LIST": _collect(list),
    "TUPLE": _collect(tuple),
    "FROZENSET": _collect(list),
    "DICT": _collect(_dictionary),
    "TUPLE1": _tuple(1),
    "TUPLE2": _tuple(2),
    "TUPLE3": _tuple(3),
    "APPEND": _append,
    "APPENDS": _append_all,
    "ADDITEMS": _append_all,
    "SETITEM": _set_item,
    "SETITEMS": _set_items,
    "MEMOIZE": _memoize,
    "STACK_GLOBAL": _name,
    "REDUCE": _call,
    "NEWOBJ": _call,
    "NEWOBJ_EX": _call_with_keywords,
    "BUILD": _set_state,
}
"""Opcodes that change the stack."""
