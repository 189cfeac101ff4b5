"""One flipped bit, or a few, in files with checksums: each is noticed in words, or changes nothing that is read."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import cv2
import numpy as np
import pandas as pd
import torch

from benchmarks.attack.figures import Figures, Outcome, WrongSuccessError
from benchmarks.attack.isolation import run_isolated
from hpa.cells.crop_records import measures_of, read_measures, read_records, record_dtype, table_path, write_crops
from hpa.cells.crops import CellCrops
from hpa.core.errors import InputError
from hpa.core.field import Segmentation
from hpa.formats.images import read_image
from hpa.formats.label_maps import read_label_map, read_segmentation, write_label_map, write_segmentation
from hpa.formats.parquet_table import CHECKSUMS, read_parquet
from hpa.inference.block_report import BlockReport
from hpa.inference.blocks import Shard
from hpa.inference.shards import read_part, write_part
from hpa.inference.work_folder import WorkFolder
from hpa.models.saved_run import read_saved_run
from hpa.training.checkpoint import AtomicCheckpointIO

TRIES = 20_000
_SIDE_PX = 24


@dataclass(frozen=True)
class _Kind:
    """A file of one format: its name, what writes it to a path, and what reads it back as values that compare."""

    name: str
    write: Callable[[Path], None]
    read: Callable[[Path], Any]


def run(seed: int, seconds: float) -> Figures:
    """Try flips."""
    return run_isolated(__name__, seed, seconds, tries=TRIES, memory_mb=2048, hang_seconds=60)


def attempt(random: Random, folder: Path) -> Outcome:
    """Flip bits of one file, and read it."""
    kind = random.choice(_KINDS)
    sound, value = _sound(kind.name)
    path = folder / kind.name
    companions = {path: sound[kind.name]} | {path.with_name(name): content for name, content in sound.items()}
    for place, whole in companions.items():
        place.write_bytes(whole)
    target = random.choice(sorted(companions))
    content = bytearray(companions[target])
    for _ in range(random.choice([1, 1, 1, 2, 8])):
        content[random.randrange(_end(kind, content))] ^= 1 << random.randrange(8)
    target.write_bytes(content)
    read = kind.read(path)
    if not _same(read, value):
        raise WrongSuccessError(f"{kind.name}: a flipped bit of {target.name} gave other values without a word")
    return Outcome.ACCEPTED


def _end(kind: _Kind, content: bytearray) -> int:
    """Return how many bytes carry checksums: the footer of Parquet, which names the columns, has none."""
    if not kind.name.endswith(".parquet"):
        return len(content)
    return len(content) - 8 - int.from_bytes(content[-8:-4], "little")


@cache
def _sound(name: str) -> tuple[dict[str, bytes], Any]:
    """Return the files of a kind as they were written, by name, and what is read of them."""
    import tempfile

    kind = next(kind for kind in _KINDS if kind.name == name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        kind.write(path)
        files = {file.name: file.read_bytes() for file in Path(folder).iterdir() if file.is_file()}
        return files, kind.read(path)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray | torch.Tensor):
        return type(one) is type(other) and one.shape == other.shape and one.dtype == other.dtype and _equal(one, other)
    if isinstance(one, pd.DataFrame):
        return isinstance(other, pd.DataFrame) and one.equals(other)
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple):
        return type(one) is type(other) and len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def _equal(one: Any, other: Any) -> bool:
    return bool((one == other).all())


def _label_map() -> np.ndarray:
    rows, columns = np.mgrid[:_SIDE_PX, :_SIDE_PX] // 8
    return (rows * 3 + columns + 1).astype(np.int32)


def _image(bits: int, channels: int) -> np.ndarray:
    noise = np.random.default_rng(0).random((_SIDE_PX, _SIDE_PX, channels)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3).reshape(_SIDE_PX, _SIDE_PX, channels)
    return (smooth * (2**bits - 1)).astype({8: np.uint8, 16: np.uint16}[bits])


def _write_png(bits: int, channels: int) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(cv2.imencode(".png", _image(bits, channels))[1].tobytes())

    return write


def _read_planes(path: Path) -> Any:
    return read_image(path).planes


def _write_npz(path: Path) -> None:
    np.savez_compressed(path, label_map=_label_map())


def _segmentation() -> Segmentation:
    return Segmentation(_label_map(), _label_map())


def _read_segmentation(path: Path) -> Any:
    found = read_segmentation(path)
    return found.cells, found.nuclei


def _write_crops(path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (9, 2, 8, 8), np.uint8)
    write_crops(path, CellCrops(pixels, np.ones((9, 8, 8), np.uint8)), measures_of(_segmentation()))


def _read_crops(path: Path) -> Any:
    found = read_measures(path, 2, 8)
    if found is None:
        raise InputError(f"{path}, {table_path(path)}: damaged; the store makes both anew.")
    dtype = record_dtype(8, 2, 8)
    return found[0], read_records(path, np.arange(9), 9, dtype)["pixels"]


def _write_table(path: Path) -> None:
    numbers = np.random.default_rng(0).random((20, 3)).astype(np.float32)
    frame = pd.DataFrame(numbers, columns=list("abc")).assign(image=[f"image {row}" for row in range(20)])
    frame.to_parquet(path, index=False, **CHECKSUMS)


def _read_table(path: Path) -> Any:
    return read_parquet(path, "a table of cells", "write it again.")


def _write_checkpoint(path: Path) -> None:
    config = {"task": "cells", **{slot: {} for slot in ("data", "model", "segmenter")}}
    facts = {"config": config, "channels": ["green"], "class_names": ["a"]}
    weights = {"model.weight": torch.arange(60.0).reshape(3, 20)}
    AtomicCheckpointIO().save_checkpoint({"hpa": facts, "state_dict": weights, "epoch": 3}, path)


def _read_checkpoint(path: Path) -> Any:
    run = read_saved_run(path)
    return run.config, run.channels, run.class_names, dict(run.weights), run.epoch


def _write_part(path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x", b"y")
    work = WorkFolder(path.parent / "work", lock=None)  # type: ignore[arg-type]  # nobody else writes here
    work.path.mkdir()
    work.rows_file(0).write_text("".join(f"{name},4,4,0 0.5 abc\n" for name in "abcdefgh"))
    report = BlockReport(0, tuple("abcdefgh"), 8, (), (), "", "", ())
    write_part(path, Shard(1, 1), ("ID", "ImageWidth", "ImageHeight", "PredictionString"), {"a": 1}, 1, work, [report])


def _read_part(path: Path) -> Any:
    part = read_part(path)
    with part.rows(0) as rows:
        return part.columns, dict(part.settings), part.block_count, rows.read()


_KINDS = (
    _Kind("grey8.png", _write_png(8, 1), _read_planes),
    _Kind("grey16.png", _write_png(16, 1), _read_planes),
    _Kind("colour.png", _write_png(8, 3), _read_planes),
    _Kind("map.png", lambda path: write_label_map(path, _label_map()), read_label_map),
    _Kind("map.npz", _write_npz, read_label_map),
    _Kind("stored.tif", lambda path: write_segmentation(path, _segmentation()), _read_segmentation),
    _Kind("crops.npy", _write_crops, _read_crops),
    _Kind("cells.parquet", _write_table, _read_table),
    _Kind("run.ckpt", _write_checkpoint, _read_checkpoint),
    _Kind("part.zip", _write_part, _read_part),
)
