"""The masks in Cellpose's `<ID>_seg.npy`, as people leave them when they have corrected cells in its window.

Such a file is a pickled dictionary, and unpickling runs what a file names. Here only arrays, numbers and texts are
made; every other name stands for an inert object that does nothing. So all layouts are read, those of version 0.6
(2021, with `img`) and of 4 (without) alike, and of each its `masks` alone.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from jaxtyping import Int32

from hpa.core.errors import InputError

SUFFIX = "_seg.npy"
_ARRAY_MODULES = ("numpy.core.multiarray", "numpy._core.multiarray")
_NUMERIC_MODULES = ("numpy.core.numeric", "numpy._core.numeric")


def read_cellpose_masks(path: Path) -> Int32[np.ndarray, "height width"]:
    """Return the label map of a file, cells numbered as there.

    Raises:
        InputError: If the file is missing, broken, holds no masks, or a stack of them.
    """
    try:
        with path.open("rb") as file:
            content = _unpickled(file)
    except FileNotFoundError as error:
        raise InputError(f"{path}: the file is missing; save the masks in Cellpose's window again (Ctrl+S).") from error
    except Exception as error:  # a damaged pickle fails in any way
        raise InputError(f"{path}: cannot be read as a file of Cellpose ({error}); save it again.") from error
    masks = content.get("masks") if isinstance(content, dict) else None
    if not isinstance(masks, np.ndarray) or masks.dtype.kind not in "iu":
        raise InputError(f"{path}: a dictionary with an array of whole numbers 'masks' is expected; save it again.")
    masks = masks[0] if masks.ndim == 3 and len(masks) == 1 else masks
    if masks.ndim != 2:
        raise InputError(f"{path}: masks of one plane are expected, came the shape {masks.shape}; save one plane.")
    return masks.astype(np.int32)


class _Inert:
    """Whatever else a file names: takes everything, does nothing."""

    def __init__(self, *arguments: object) -> None:
        del arguments

    def __setstate__(self, state: object) -> None:
        del state

    def append(self, item: object) -> None:
        """Take an item."""

    def extend(self, items: object) -> None:
        """Take items."""

    def __setitem__(self, key: object, value: object) -> None:
        """Take a value."""


class _ArraysOnly(pickle.Unpickler):
    """Makes arrays and plain values."""

    def find_class(self, module: str, name: str) -> Any:
        """Return what a name of the file stands for."""
        if module in _ARRAY_MODULES and name in ("_reconstruct", "scalar"):
            return super().find_class(module, name)
        if module in _NUMERIC_MODULES and name == "_frombuffer":
            return super().find_class(module, name)
        if (module, name) in (("numpy", "ndarray"), ("numpy", "dtype")):
            return getattr(np, name)
        return _latin1 if (module, name) == ("_codecs", "encode") else _Inert


def _latin1(text: str, encoding: str = "latin1") -> bytes:
    """Return the bytes that older pickles keep as text."""
    return text.encode(encoding if encoding == "latin1" else "utf-8")


def _unpickled(file: BinaryIO) -> object:
    """Return the object inside a .npy file of one object."""
    version = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(file)
    if not dtype.hasobject or shape != ():
        raise InputError(f"it holds an array of {dtype} of shape {shape}, no dictionary")
    array = _ArraysOnly(file).load()
    return array.item() if isinstance(array, np.ndarray) else None
