"""Arrays in containers: `.npz` label maps, `.safetensors` and Parquet with lying sizes, types, names and lengths."""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.attack.figures import Figures, Outcome, WrongSuccessError
from benchmarks.attack.isolation import run_isolated
from hpa.formats.label_maps import read_label_map
from hpa.formats.parquet_table import read_parquet
from hpa.models.weights import read_weights

TRIES = 20_000
_MAX_PIXELS = 20_000_000
_SIDES = (0, 1, 3, 4, 5, 4000, 2**31, 2**32, 2**63 - 1, 2**63, 2**64, -1)
_TYPES = ("<u2", ">u2", "<i4", "<u8", "<f4", "|b1", "|O", "<U4", "|V8", "<M8[s]", "(2,)<u2", "<c8", "|S9", "i4,i4", "")
_NAMES = ("label_map.npy", "label_map", "../label_map.npy", "/label_map.npy", "label_map.npy\0x", "x.npy", "")
_NUMBERS = (0, 1, 7, 255, 2**16 - 1, 2**31 - 1, 2**32 - 1)
_OFFSETS = (0, 1, 8, 16, 2**31, 2**53, 2**63, 2**64, -1, 1.5, None, "0")
_TENSOR_TYPES = ("F32", "I64", "BOOL", "F8_E4M3", "X", "", None, 4)


def run(seed: int, seconds: float) -> Figures:
    """Try files."""
    os.environ["HPA_MAX_PIXELS"] = str(_MAX_PIXELS)
    return run_isolated(__name__, seed, seconds, tries=TRIES, memory_mb=2048, hang_seconds=60)


def attempt(random: Random, folder: Path) -> Outcome:
    """Try one file."""
    return random.choice((_try_npz, _try_npz, _try_safetensors, _try_parquet))(random, folder)


def _try_npz(random: Random, folder: Path) -> Outcome:
    sound = np.arange(16, dtype="<u2").reshape(4, 4)
    shape = (4, 4) if random.random() < 0.8 else tuple(random.choice(_SIDES) for _ in range(random.randrange(4)))
    kind = "<u2" if random.random() < 0.8 else random.choice(_TYPES)
    text = f"{{'descr': {kind!r}, 'fortran_order': {random.random() < 0.2}, 'shape': {shape}, }}"
    if random.random() < 0.1:
        text = random.choice(("{" * 5000, "[" * 100_000, "1" * 70_000, "__import__('os')", text[:-9], text * 2))
    header = text.encode()
    version = random.choice((1, 1, 1, 1, 1, 1, 2, 3, 9))
    length = struct.pack("<H" if version == 1 else "<I", len(header) & 0xFFFF)
    numbers = random.choice((*[sound.tobytes()] * 9, b"", sound.tobytes() * 2, bytes(1 << 24)))
    member = b"\x93NUMPY" + bytes([version, 0]) + length + header + numbers
    content = _archive(random, member)
    path = folder / "a.npz"
    path.write_bytes(content)
    found = read_label_map(path)
    if found.size > _MAX_PIXELS or found.shape != shape:
        raise WrongSuccessError(f"{text[:99]!r} was read as a map of {found.shape}")
    return Outcome.ACCEPTED


def _archive(random: Random, member: bytes) -> bytes:
    """Return a zip whose records may lie."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA))) as out:
        for _ in range(random.choice((1, 1, 1, 1, 1, 1, 1, 2))):
            name = "label_map.npy" if random.random() < 0.8 else random.choice(_NAMES)
            with out.open(zipfile.ZipInfo(name or "x"), "w", force_zip64=random.random() < 0.3) as entry:
                entry.write(member)
    content = bytearray(file.getvalue())
    for start in (b"PK\3\4", b"PK\1\2", b"PK\5\6"):
        if random.random() < 0.1:
            place = content.find(start) + random.randrange(4, 30)
            content[place : place + 4] = struct.pack("<I", random.choice(_NUMBERS))
    return _cut(random, bytes(content))


def _try_safetensors(random: Random, folder: Path) -> Outcome:
    tensor: dict[str, Any] = {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}
    for key, values in (("dtype", _TENSOR_TYPES), ("shape", _SIDES), ("data_offsets", _OFFSETS)):
        if random.random() < 0.15:
            value = random.choice(values)
            tensor[key] = value if key == "dtype" else [random.choice(values) for _ in range(random.randrange(4))]
    header: dict[str, Any] = {"a": tensor}
    if random.random() < 0.3:
        header[random.choice(("b", "__metadata__", "../x", "\0", "a" * 9999))] = random.choice(
            (tensor, {}, [], 1, None)
        )
    text = json.dumps(header).encode()
    if random.random() < 0.1:
        text = random.choice(
            (b"[" * 100_000, b'{"a":' * 5000, text[:-1], text.replace(b"}", b',"dtype":"F32"}'), b"\xff")
        )
    length = len(text) if random.random() < 0.8 else random.choice((0, 1, 2**27, 2**32, 2**63, 2**64 - 1))
    numbers = bytes(random.choice((*[16] * 12, 0, 15, 17, 32)))
    path = folder / "a.safetensors"
    path.write_bytes(_cut(random, struct.pack("<Q", length) + text + numbers))
    for name, found in read_weights(path).items():
        if found.numel() * found.element_size() > len(numbers):
            raise WrongSuccessError(
                f"tensor {name[:99]!r} has {found.numel()} numbers, {len(numbers)} bytes were there"
            )
    return Outcome.ACCEPTED


def _try_parquet(random: Random, folder: Path) -> Outcome:
    sound = _parquet()
    content = bytearray(sound)
    footer = len(sound) - 8 - int.from_bytes(sound[-8:-4], "little")
    for _ in range(random.choice((1, 1, 2, 8))):
        place = random.randrange(4, footer) if random.random() < 0.3 else random.randrange(footer, len(sound) - 4)
        content[place] = random.choice((0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)))
    path = folder / "a.parquet"
    path.write_bytes(_cut(random, bytes(content)))
    found = read_parquet(path, "a table", "write it again.")
    if len(found) > 40 or found.memory_usage(deep=True).sum() > 1 << 20:
        raise WrongSuccessError(f"a table of 40 rows was read as one of {len(found)}")
    return Outcome.ACCEPTED


@cache
def _parquet() -> bytes:
    file = io.BytesIO()
    frame = pd.DataFrame({"id": [f"image {row}" for row in range(40)], "area": np.arange(40.0), "cell": np.arange(40)})
    frame.to_parquet(file, index=False, write_page_checksum=True)
    return file.getvalue()


def _cut(random: Random, content: bytes) -> bytes:
    """Return what is left of a file whose copying stopped, in one of ten tries; else all of it."""
    return content[: random.randrange(len(content) + 1)] if random.random() < 0.1 else content
