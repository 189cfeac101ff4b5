"""What two checkouts made of the same commands, compared to the last bit (`benchmarks.unchanged`)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tifffile
import torch
from numpy.typing import NDArray

Array = NDArray[Any]


def report(before: Path, after: Path) -> int:
    """Print what differs, case by case; return 1 if anything does."""
    different = 0
    for done in sorted(before.glob("*/done.json"), key=lambda path: path.stat().st_mtime):
        name = done.parent.name
        problems, compared = differences(done.parent, after / name)
        if name.startswith("data_"):
            more, count = differences(before / "data" / name[5:], after / "data" / name[5:])
            problems, compared = problems + more, compared + count
        print(f"{name}: {f'{compared} files, no difference' if not problems else ''}")
        print(*(f"    {problem}" for problem in problems), sep="\n", end="\n" if problems else "")
        different += bool(problems)
    for case, twin in (("resumed", "propagation"), ("tissue_resumed", "tissue")):
        for folder in (before, after):
            names = [folder / name / "run/checkpoints/last.ckpt" for name in (case, twin)]
            if all(name.exists() for name in names):
                problem = differs(*names)
                print(f"{folder}: {case} against the undisturbed {twin}: {problem or 'the same weights'}")
                different += bool(problem)
    return int(different > 0)


def differences(before: Path, after: Path) -> tuple[list[str], int]:
    """Return what differs between results of a case, and how many files were compared."""
    if not (after / "done.json").exists() and (before / "done.json").exists():
        return ["not run"], 0
    files = sorted(path for path in before.rglob("*") if path.is_file() and not path.is_symlink() and _kept(path))
    problems = []
    for path in files:
        relative = path.relative_to(before)
        twin = _twin(path, after / relative)
        problem = differs(path, twin) if twin.exists() else "missing"
        if problem:
            problems.append(f"{relative}: {problem}")
    return problems, len(files)


def _twin(path: Path, namesake: Path) -> Path:
    """Return the file to compare with: of the same name; of pictures, which are named by epochs, in the same place."""
    if path.parent.name != "pictures" or not namesake.parent.is_dir():
        return namesake
    twins = sorted(namesake.parent.iterdir())
    place = sorted(path.parent.iterdir()).index(path)
    return twins[place] if place < len(twins) else namesake


def _kept(path: Path) -> bool:
    """Return whether a file holds results, and not only times, folders or settings."""
    if path.name.startswith("part_") or path.name == "images.parquet":
        return False
    named = path.name in ("done.json", "world.json") or path.name.endswith(".coco.json")
    return named or path.suffix in (".ckpt", ".tif", ".png", ".parquet", ".out", ".csv")


def differs(before: Path, after: Path) -> str:
    """Return how two files of results differ; nothing where they do not."""
    if hashlib.sha256(before.read_bytes()).digest() == hashlib.sha256(after.read_bytes()).digest():
        return ""
    match before.suffix:
        case ".ckpt":
            return _arrays_differ(*(_weights(path) for path in (before, after)))
        case ".parquet":
            return _tables_differ(*(pd.read_parquet(path) for path in (before, after)))
        case ".csv" if before.name in ("metrics.csv", "stages.csv"):
            tables = [pd.read_csv(path) for path in (before, after)]
            return _tables_differ(*(table.drop(columns="seconds", errors="ignore") for table in tables))
        case ".out" | ".json":
            values = [_values(path) for path in (before, after)]
            pairs = zip(*values, strict=False)
            unequal = [f"{old} -> {new}" for old, new in pairs if old != new] or ["other length"]
            return "" if values[0] == values[1] else "; ".join(unequal[:5])
        case ".tif":
            return "" if np.array_equal(tifffile.imread(before), tifffile.imread(after)) else "other pixels"
    return "other bytes"


def _weights(path: Path) -> list[Array]:
    state = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
    return [value.float().numpy() if value.is_floating_point() else value.numpy() for value in state.values()]


def _arrays_differ(before: list[Array], after: list[Array]) -> str:
    """Compare tensors in the order of their layers, so that a layer may have another name."""
    if [array.shape for array in before] != [array.shape for array in after]:
        facts = [sorted((array.shape, float(array.sum())) for array in arrays) for arrays in (before, after)]
        return "" if facts[0] == facts[1] else f"{len(before)} tensors, {len(after)} now, of other shapes"
    unequal = [
        np.abs(a.astype(float) - b).max() for a, b in zip(before, after, strict=True) if not np.array_equal(a, b)
    ]
    return f"{len(unequal)} of {len(before)} tensors, by {max(unequal):.3g} at most" if unequal else ""


def _tables_differ(before: pd.DataFrame, after: pd.DataFrame) -> str:
    """Compare values column by column, so that a column may have another name."""
    if before.shape != after.shape:
        return f"{before.shape} values, {after.shape} now; columns {sorted({*before} ^ {*after})}"
    after = after.set_axis(before.columns, axis=1)
    return ", ".join(str(name) for name in before if not before[[name]].equals(after[[name]]))


def _values(path: Path) -> list[str]:
    """Return the values of what a command printed as JSON, whatever their keys are called; nothing of other texts."""
    try:
        content = json.loads(path.read_text())
    except json.JSONDecodeError:
        return []
    return [value.replace(str(path.parents[1]), "") for value in _leaves(content)]


def _leaves(content: object) -> Iterator[str]:
    match content:
        case dict():
            for value in content.values():
                yield from _leaves(value)
        case list():
            for value in content:
                yield from _leaves(value)
        case _:
            yield str(content)
