"""Inert stand-ins for every class that a pickled network names.

Unpickling runs what a file names, so nothing of it is looked up: layers become empty shells that keep their state,
tensors become descriptions (which storage, from where, what shape). Every name beyond a short list is refused.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from hpa.models.pickled_archive import Storage
from hpa.models.pickled_program import Stream

_PLAIN: dict[tuple[str, str], type] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("builtins", "set"): set,
    ("__builtin__", "set"): set,
    ("torch", "Size"): tuple,
}
_DTYPES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
_STAND_IN_PACKAGES = ("torch.nn", "pytorch_zoo")
"""Classes of these, and torch.device, are replaced by shells."""


class RefusedError(ValueError):
    """A file names something that no network needs."""


@dataclass(frozen=True)
class TensorView:
    """A tensor of a file: a window on a storage, not looked through yet."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    def __post_init__(self) -> None:
        """Check that the window lies inside its storage.

        Raises:
            RefusedError: If it does not, or is none.
        """
        numbers = (self.offset, *self.size, *self.stride)
        if not isinstance(self.storage, Storage) or not all(type(number) is int and number >= 0 for number in numbers):
            raise RefusedError("a tensor that is no window on a storage")
        if len(self.size) != len(self.stride):
            raise RefusedError(f"a tensor of shape {self.size} with strides {self.stride}")
        last = self.offset + sum((length - 1) * step for length, step in zip(self.size, self.stride, strict=True))
        if 0 not in self.size and last >= self.storage.count:
            raise RefusedError(f"a tensor that reaches number {last} of a storage of {self.storage.count}")


class Shell:
    """Stands in for an object of a class that is not looked up; takes any argument and any state, does nothing."""

    state: dict[Any, Any]

    def __new__(cls, *_arguments: object, **_named: object) -> Shell:
        """Make an empty shell, whatever the arguments."""
        shell = super().__new__(cls)
        shell.state = {}
        return shell

    def __setstate__(self, state: object) -> None:
        """Keep the attributes of the object."""
        self.state = state if isinstance(state, dict) else {}


class StandInUnpickler(pickle.Unpickler):
    """Reads pickles of torch.save into shells, plain containers and descriptions of tensors.

    Attributes:
        storages: Every storage met so far, by key.
    """

    def __init__(self, stream: Stream, storages: dict[str, Storage]) -> None:
        super().__init__(stream, encoding="utf-8")
        self.storages = storages
        self._shells: dict[tuple[str, str], type[Shell]] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands in for a name.

        Raises:
            RefusedError: If no network needs it.
        """
        if (module, name) in _PLAIN:
            return _PLAIN[module, name]
        if module in ("torch", "torch.cuda") and name in _DTYPES:
            return _DTYPES[name]
        if module == "torch._utils" and name in ("_rebuild_tensor_v2", "_rebuild_tensor", "_rebuild_parameter"):
            return _rebuilding(name)
        inside = any(module == package or module.startswith(f"{package}.") for package in _STAND_IN_PACKAGES)
        if (inside or (module, name) == ("torch", "device")) and "." not in name:
            return self._shells.setdefault((module, name), type(name, (Shell,), {"__module__": module}))
        raise RefusedError(f"'{module}.{name}', which is not part of a network")

    def persistent_load(self, pid: Any) -> Any:
        """Return the storage, or the class, that the file keeps outside its pickle.

        Raises:
            RefusedError: If it is neither.
        """
        match pid:
            case ("module", type() as shell, _, _):  # its source text stands beside it, which is not looked at
                return shell
            case ("storage", torch.dtype() as dtype, str() as key, str(), int() as count, *view) if view in (
                [],
                [None],
            ):
                storage = Storage(key, dtype, count)
                if count < 0 or self.storages.setdefault(key, storage) != storage:
                    raise RefusedError(f"storage {key} in two shapes")
                return storage
        raise RefusedError("a reference to something outside the file")


def _rebuilding(name: str) -> Callable[..., TensorView]:
    """Return what describes a tensor instead of building it; made anew each time, so that no file can change it."""

    def tensor(storage: Any, offset: Any, size: Any, stride: Any, *_rest: object) -> TensorView:
        return TensorView(storage, offset, tuple(size), tuple(stride))

    def parameter(data: Any, *_rest: object) -> TensorView:
        if not isinstance(data, TensorView):
            raise RefusedError("a parameter that is no tensor")
        return data

    return parameter if name == "_rebuild_parameter" else tensor
