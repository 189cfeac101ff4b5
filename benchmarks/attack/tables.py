"""Tables of submissions, truth, samples and cells, damaged anywhere: lint, score and count must refuse or agree."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np

from benchmarks.attack.figures import Figures, Outcome, WrongSuccessError
from benchmarks.attack.isolation import run_isolated
from benchmarks.attack.masks import sound_counts
from hpa.core.encoding import encode_mask
from hpa.core.errors import InputError
from hpa.core.submission_table import TRUTH_COLUMN, read_table
from hpa.formats.csv_rows import read_rows
from hpa.metrics.detection_tables import score_tables
from hpa.metrics.lint import lint_submission
from hpa.sources.cell_classes import read_cell_classes
from hpa.sources.counted_cells import count_cells
from hpa.sources.hubmap.submission import paired_masks

TRIES = 20_000
_WORDS = (
    "", " ", "0", "-1", "19", "99999999", "1e400", "nan", "inf", "1_0", "٣", "x", '"', '""', "=1+1", "\0", "\ud7ff",
    "1" * 5000, "a" * 100_000, "a\nb", "4.0", "2147483648", "9999999999", "eNozMDQyAAAB6wDE", "../../x", ",", ";", "\t",
)  # fmt: skip
_TISSUE_ROWS = (
    "id,organ,data_source,img_height,img_width,pixel_size,tissue_thickness,rle\n1,lung,HPA,3,3,0.4,4,1 2 5 1\n"
)


class _Tables(NamedTuple):
    submission: Path
    sample: Path
    truth: Path


def run(seed: int, seconds: float) -> Figures:
    """Try tables."""
    return run_isolated(__name__, seed, seconds, tries=TRIES, memory_mb=1024, hang_seconds=60)


def attempt(random: Random, folder: Path) -> Outcome:
    """Damage one table of a sound set and read it with everything that takes such a table."""
    kind = random.randrange(10)
    if kind < 6:
        return _of_submissions(random, _write(random, folder))
    path = folder / f"table.{random.choice(['csv', 'tsv'])}"
    if kind < 8:
        path.write_bytes(_damaged(random, "ID,cell,class\na,1,HEK\na,2,N2a\nb,1,HEK\n"))
        return _accepted(lambda: (read_cell_classes(path), read_rows(path, ["ID", "class"]), count_cells(path, None)))
    truth = folder / "truth.csv"
    truth.write_bytes(_damaged(random, _TISSUE_ROWS) if kind == 8 else _TISSUE_ROWS.encode())
    path.write_bytes(_damaged(random, "id,rle\n1,1 2 5 1\n") if kind == 9 else b"id,rle\n1,1 2 5 1\n")
    return _accepted(lambda: paired_masks(path, truth))


def _accepted(read: Callable[[], object]) -> Outcome:
    read()
    return Outcome.ACCEPTED


def _of_submissions(random: Random, tables: _Tables) -> Outcome:
    damaged = random.choice(tables)
    damaged.write_bytes(_damaged(random, damaged.read_text()))
    refused = 0
    try:
        count_cells(tables.submission, None)
    except InputError:
        refused += 1
    try:
        report = lint_submission(tables.submission, tables.sample)
    except InputError:
        return Outcome.REFUSED
    try:
        score = score_tables(tables.submission, tables.truth, random.choice([0.6, 1.0]), "all")
    except InputError:
        if damaged != tables.truth and not report.defects:
            raise WrongSuccessError(f"lint finds no defect in what cannot be scored: {_shown(damaged)}") from None
        return Outcome.REFUSED
    if not (math.isnan(score.score.mean) or 0 <= score.score.mean <= 1):
        raise WrongSuccessError(f"mAP {score.score.mean} of {_shown(damaged)}")
    if score.images != len(read_table(tables.truth, TRUTH_COLUMN)):
        raise WrongSuccessError(f"{score.images} images scored of {_shown(damaged)}")
    return Outcome.REFUSED if refused else Outcome.ACCEPTED


def _shown(path: Path) -> str:
    return f"{path.name}: {path.read_bytes()[:400]!r}"


def _write(random: Random, folder: Path) -> _Tables:
    tables = _Tables(*(folder / f"{name}.csv" for name in ("submission", "sample", "truth")))
    rows: dict[str, list[str]] = {name: [] for name in _Tables._fields}
    for image in "abc"[: random.randint(1, 3)]:
        height, width = random.randint(1, 9), random.randint(1, 9)
        masks = [_mask(random, height, width) for _ in range(random.randint(0, 3))]
        found = " ".join(f"{random.randrange(19)} {random.random():.3f} {mask}" for mask in masks)
        true = " ".join(f"{random.randrange(19)} {mask}" for mask in masks)
        rows["submission"].append(f"{image},{width},{height},{found}")
        rows["sample"].append(f"{image},{width},{height},0 1 {_mask(random, height, width)}")
        rows["truth"].append(f"{image},{width},{height},{true}")
    for name, path in tables._asdict().items():
        column = "TruthString" if name == "truth" else "PredictionString"
        path.write_text("\n".join([f"ID,ImageWidth,ImageHeight,{column}", *rows[name]]) + "\n")
    return tables


def _mask(random: Random, height: int, width: int) -> str:
    counts = sound_counts(random, height * width)
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return encode_mask(flat.reshape(width, height).T)


def _damaged(random: Random, text: str) -> bytes:
    for _ in range(random.choice([1, 1, 2, 4])):
        text = _damage(random, text)
    content = text.encode("utf-8", "surrogatepass")
    match random.randrange(12):
        case 0:
            return content.decode().encode(random.choice(["utf-16", "utf-8-sig", "utf-32"]))
        case 1:
            place = random.randrange(len(content) + 1)
            return content[:place] + bytes([random.randrange(256)]) + content[place + 1 :]
        case 2:
            return content[: random.randrange(len(content) + 1)]
        case 3:
            return content.replace(b"\n", random.choice([b"\r", b"\r\n", b"\n\n", b"\0\n"]))
        case _:
            return content


def _damage(random: Random, text: str) -> str:
    lines = text.split("\n")
    row = random.randrange(len(lines))
    words = lines[row].split(random.choice([",", " "]))
    separator = "," if "," in lines[row] else " "
    place = random.randrange(len(words))
    match random.randrange(7):
        case 0:
            words[place] = random.choice(_WORDS)
        case 1:
            words.insert(place, random.choice(_WORDS))
        case 2:
            del words[place]
        case 3:
            return "\n".join([*lines[:row], *lines[row:], lines[row]])
        case 4:
            return "\n".join([*lines[:row], *lines[row + 1 :]])
        case 5:
            words[place] += random.choice(_WORDS)
        case _:
            random.shuffle(words)
    return "\n".join([*lines[:row], separator.join(words), *lines[row + 1 :]])
