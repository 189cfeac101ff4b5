"""Cellpose's `_seg.npy` files: sound ones, damaged ones, and pickles made to run code or fill memory."""

from __future__ import annotations

import io
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from benchmarks.attack.figures import Figures, Outcome, WrongSuccessError
from benchmarks.attack.isolation import run_isolated
from hpa.core.label_map import labels_of
from hpa.formats.label_maps import read_label_map

TRIES = 20_000
_DTYPES = ("u1", "<u2", ">u2", "<i4", "<i8", "<u8", "i1", "<f4", "O", "?")
_HOSTILE_DTYPES = ("O", "O8", "V8", "M8[s]", "U4", "<u2", "u1", "(2,)u2", "i4,i4")


class _Call:
    """Pickles as a call of any name with any arguments."""

    def __init__(self, module: str, name: str, *arguments: object) -> None:
        self.module, self.name, self.arguments = module, name, arguments


class _Pickler(pickle._Pickler):
    """Writes calls of names that need not exist."""

    def save(self, obj: Any, save_persistent_id: bool = True) -> None:
        """Write an object."""
        if not isinstance(obj, _Call):
            super().save(obj, save_persistent_id)  # type: ignore[misc]
            return
        write: Callable[[bytes], object] = vars(self)["write"]
        write(pickle.GLOBAL + f"{obj.module}\n{obj.name}\n".encode())
        self.save(obj.arguments)
        write(pickle.REDUCE)


def run(seed: int, seconds: float) -> Figures:
    """Try files."""
    return run_isolated(__name__, seed, seconds, tries=TRIES, memory_mb=1024, hang_seconds=60)


def attempt(random: Random, folder: Path) -> Outcome:
    """Read one file."""
    path, trap = folder / "a_seg.npy", folder / "trap"
    height, width = random.randint(1, 8), random.randint(1, 8)
    masks = np.array([random.randrange(6) for _ in range(height * width)]).reshape(height, width)
    kind = random.random()
    if kind < 0.2:
        path.write_bytes(
            _file(random, {"masks": masks.astype(random.choice(["u1", "<u2", ">i4", "<i8"])), "img": None})
        )
    elif kind < 0.6:
        path.write_bytes(
            _damaged(random, _file(random, {"masks": masks.astype(random.choice(_DTYPES)), "outlines": [masks]}))
        )
    else:
        path.write_bytes(_npy(_hostile(random, masks, trap)))
    label_map = read_label_map(path)
    labels_of(label_map)  # refuses negative numbers, as all that uses a label map does
    if trap.exists():
        raise WrongSuccessError(f"the file was run: {path.read_bytes()[:200]!r}")
    if label_map.dtype != np.int32 or label_map.ndim != 2 or label_map.min(initial=0) < 0:
        raise WrongSuccessError(f"no label map: {label_map.dtype}, {label_map.shape}, {label_map.min(initial=0)}")
    if kind < 0.2 and not np.array_equal(label_map, masks):
        raise WrongSuccessError(f"another label map than was written: {path.read_bytes()[:200]!r}")
    return Outcome.ACCEPTED


def _file(random: Random, content: dict[str, Any]) -> bytes:
    """Return a file as numpy writes it, by any protocol."""
    array = np.empty((), object)
    array[()] = content
    return _npy(pickle.dumps(array, random.randint(0, pickle.HIGHEST_PROTOCOL)))


def _npy(pickled: bytes) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
    return file.getvalue() + pickled


def _damaged(random: Random, content: bytes) -> bytes:
    damaged = bytearray(content)
    for _ in range(random.choice([1, 1, 2, 4, 16])):
        place = random.randrange(len(damaged) + 1)
        match random.randrange(6):
            case 0:
                damaged[place : place + 1] = bytes([random.randrange(256)])
            case 1:
                del damaged[place : place + random.choice([1, 2, 30])]
            case 2:
                damaged[place:place] = random.choice([b"\xff" * 8, b"(" * 40, b"t", b"R", b"b", b"s", b"\x93", b"N0"])
            case 3:
                del damaged[place:]
            case 4:
                length = struct.pack("<Q", random.choice([0, 1 << 31, 1 << 40, (1 << 63) - 1, (1 << 64) - 1]))
                damaged[place:place] = random.choice([b"\x8e", b"\x96", b"\x8d", b"\x95"]) + length
            case _:
                damaged[place:place] = random.choice([b"r", b"j"]) + struct.pack(
                    "<I", random.choice([7, 2**31, 2**32 - 1])
                )
    return bytes(damaged)


def _hostile(random: Random, masks: np.ndarray, trap: Path) -> bytes:
    """Return a pickle of an array of one dictionary whose masks are no plain array."""
    pixels = masks.astype("<u2").tobytes()
    module = random.choice(["numpy.core.multiarray", "numpy._core.multiarray", "numpy", "numpy._core.numeric"])
    shape = random.choice([masks.shape, (len(masks), -1), (2**31, 2**31), (2**63,), ("2", 3), (), (1.0, 2), [2, 3]])
    dtype = _Call("numpy", "dtype", random.choice(_HOSTILE_DTYPES), False, True)
    value: Any
    match random.randrange(8):
        case 0:
            value = _Call("numpy", "ndarray", shape, dtype, pixels)
        case 1:
            value = _Call(module, "_frombuffer", pixels, dtype, shape, random.choice(["C", "F", "K", None]))
        case 2:
            value = _Call(module, "_reconstruct", _Call("numpy", "ndarray"), (0,), b"b")
        case 3:
            value = _Call(random.choice(["os", "posix", "pathlib"]), random.choice(["mkdir", "Path.mkdir"]), str(trap))
        case 4:
            value = _Call("builtins", random.choice(["eval", "exec"]), f"__import__('os').mkdir({str(trap)!r})")
        case 5:
            value = _Call("builtins", "bytearray", 1 << 40)
        case 6:
            value = _Call("numpy", random.choice(["zeros", "ones", "load", "memmap"]), (1 << 20, 1 << 20))
        case _:
            value = ()
            for _ in range(60):
                value = (value, value)
    content: Any = {"masks": value} if random.random() < 0.9 or not isinstance(value, tuple) else [{"masks": value}]
    file = io.BytesIO()
    pickler = _Pickler(file, random.choice([2, 4]))
    array = _Call("numpy._core.multiarray", "_reconstruct", _Call("numpy", "ndarray"), (0,), b"b")
    file.write(pickle.PROTO + bytes([4]))
    pickler.save(array)
    pickler.save((1, (), _Call("numpy", "dtype", "O8", False, True), False, [content]))
    file.write(pickle.BUILD + pickle.STOP)
    return file.getvalue()
