"""Tensors out of a whole pickled network, without running any code of its file.

torch.load refuses such files unless it may run them, and unpickling a file runs whatever code it names.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hpa.core.errors import InputError
from hpa.models.pickled_archive import Archive, LegacyArchive, Storage, ZipArchive
from hpa.models.pickled_program import Stream, check_program
from hpa.models.pickled_stand_ins import Shell, StandInUnpickler, TensorView

_WRAPPER = "DataParallel"
_MAX_DEPTH = 32
_MAX_LAYERS = 10_000
"""Bounds for files that nest layers without end; the published networks have 350 layers, six deep."""


@dataclass(frozen=True)
class Layer:
    """A layer of a pickled network: its class by name, and the plain attributes it was saved with."""

    kind: str
    attributes: dict[str, Any]


class PickledNetwork:
    """A network read from a file of torch.save(module), zip or legacy, out of DataParallel where it was inside.

    Attributes:
        layers: Every layer by its name, the network itself under "".
        training: Whether it was saved in training mode.
    """

    def __init__(self, path: Path) -> None:
        """Read the structure; tensors stay in the file.

        Raises:
            InputError: If the file is no such network, or names anything else than parts of one.
        """
        self.path = path
        if not path.is_file():
            raise InputError(f"no file '{path}'; give the published file of a pickled network.")
        try:
            self._archive = _opened(path)
            root = _unwrapped(self._archive.structure)
            self.layers: dict[str, Layer] = {}
            self._views: dict[str, TensorView] = dict(self._walk(root, "", 0))
        except InputError:
            raise
        except Exception as error:  # a hostile or broken pickle may fail in any way
            raise InputError(
                f"{path}: is not read. It should hold one network saved by torch.save, and nothing else, but holds or "
                f"causes: {str(error) or type(error).__name__}. Nothing of it was run."
            ) from error
        self.training = bool(self.layers[""].attributes.get("training", False))

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of every tensor by its name, as a state dict would list them."""
        return {name: view.size for name, view in self._views.items()}

    def dtypes(self) -> dict[str, torch.dtype]:
        """Return the dtype of every tensor by its name."""
        return {name: view.storage.dtype for name, view in self._views.items()}

    def tensors(self) -> dict[str, Tensor]:
        """Return every tensor by its name, on the CPU, each with memory of its own.

        Compare `shapes` with what you expect first: strides may blow a small storage up.

        Raises:
            InputError: If the file holds another number of bytes than its structure declares.
        """
        return {name: self._tensor(view) for name, view in self._views.items()}

    def _tensor(self, view: TensorView) -> Tensor:
        if 0 in view.size:
            return torch.empty(view.size, dtype=view.storage.dtype)
        flat = torch.frombuffer(self._archive.read(view.storage), dtype=view.storage.dtype)
        return flat.as_strided(view.size, view.stride, view.offset).clone(memory_format=torch.contiguous_format)

    def _walk(self, shell: Any, name: str, depth: int) -> Iterator[tuple[str, TensorView]]:
        """Yield the tensors of a layer and of those inside it, in the order of a state dict; note the layers."""
        if not isinstance(shell, Shell) or depth > _MAX_DEPTH or len(self.layers) > _MAX_LAYERS:
            raise InputError(f"{self.path}: '{name}' is no layer; a network saved by torch.save was expected.")
        state = shell.state
        self.layers[name] = Layer(type(shell).__name__, _plain(state))
        non_persistent = state.get("_non_persistent_buffers_set", ())
        for group in ("_parameters", "_buffers"):
            for key, value in dict.items(state.get(group, {})):
                if value is None or key in non_persistent:
                    continue
                if not isinstance(value, TensorView):
                    raise InputError(f"{self.path}: '{_qualified(name, key)}' is no tensor; broken file.")
                yield _qualified(name, key), value
        for key, inner in dict.items(state.get("_modules", {})):
            if inner is not None:
                yield from self._walk(inner, _qualified(name, key), depth + 1)


def _opened(path: Path) -> Archive:
    storages: dict[str, Storage] = {}

    def load(stream: Stream) -> Any:
        check_program(stream)
        return StandInUnpickler(stream, storages).load()

    return ZipArchive(path, load) if zipfile.is_zipfile(path) else LegacyArchive(path, load, storages)


def _unwrapped(root: Any) -> Any:
    """Return the network inside DataParallel, which puts `module.` before every name."""
    if isinstance(root, Shell) and type(root).__name__ == _WRAPPER:
        return dict.get(root.state.get("_modules", {}), "module")
    return root


def _plain(state: dict[Any, Any]) -> dict[str, Any]:
    """Return the attributes that are numbers, words, or tuples of them."""
    plain = (bool, int, float, str)
    return {
        key: value
        for key, value in dict.items(state)
        if isinstance(key, str)
        and (isinstance(value, plain) or (isinstance(value, tuple) and all(isinstance(item, plain) for item in value)))
    }


def _qualified(name: str, key: object) -> str:
    return f"{name}.{key}" if name else str(key)
