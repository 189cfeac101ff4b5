"""The table of the Atlas's public images: which there are, what they show, which are wanted.

Read is a table as the competition's teams shared it (`Image, Label, Cellline, in_trainset`, one row an image, addresses
without channel and ending), with `Gene` and `Antibody` where they are there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import pandas as pd
import yaml

from hpa.core.classes import LOCATION_NAMES
from hpa.core.errors import InputError
from hpa.core.table_text import encoding_of, separator_of

_LOCATIONS = Path(__file__).with_name("locations.yaml")
_SEPARATORS = re.compile(r"\s*[|,;]\s*")
_NEEDED = ("Image", "Label", "Cellline")
_SAFE = re.compile(r"[A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class Wanted:
    """Which images are wanted; an empty list wants all.

    Attributes:
        genes: Names of genes.
        locations: Names of classes, or of locations as the Atlas calls them.
        cell_lines: Names of cell lines.
        limit: How many, spread evenly over the table; None for all.
    """

    genes: Sequence[str] = ()
    locations: Sequence[str] = ()
    cell_lines: Sequence[str] = ()
    limit: int | None = None


@dataclass(frozen=True)
class Selection:
    """Images of the table.

    Attributes:
        frame: `image_id`, `address` (without channel and ending), `classes` (numbers, joined by |), `locations`,
            `cell_line`, `antibody`, `gene`, in the order of the table.
        left_out: How many rows were left out, by reason.
    """

    frame: pd.DataFrame
    left_out: dict[str, int]


def location_classes() -> dict[str, int]:
    """Return the number of the class of each location, by its name in the Atlas."""
    names: dict[str, str] = yaml.safe_load(_LOCATIONS.read_text(encoding="utf-8"))
    return {location: LOCATION_NAMES.index(name) for location, name in names.items()}


def select(path: Path, wanted: Wanted) -> Selection:
    """Read the table, and choose.

    Left out are images of the competition (`in_trainset`), those without a location, and those with one that has no
    class: their labels would be incomplete.

    Raises:
        InputError: If the file is no such table, or something is wanted that it does not name.
    """
    frame = _read(path)
    left_out: dict[str, int] = {}

    def keep(rows: pd.Series, reason: str) -> None:
        nonlocal frame
        if dropped := int((~rows).sum()):
            left_out[reason] = dropped
        frame = frame[rows.to_numpy()]

    keep(~frame["in_trainset"].str.lower().isin(["true", "1", "yes"]), "images of the competition")
    keep(frame["Label"].str.strip() != "", "images without a location")
    numbers = location_classes()
    parts = frame["Label"].map(_SEPARATORS.split)
    keep(parts.map(lambda names: all(name in numbers for name in names)), "images with a location that has no class")
    parts = frame["Label"].map(_SEPARATORS.split)
    found = frame.assign(classes=parts.map(lambda names: sorted({numbers[name] for name in names})))
    found = _wanted(found, wanted, numbers, path)
    rows = pd.DataFrame(
        {
            "image_id": found["Image"].map(_id_of),
            "address": found["Image"].str.rstrip("_"),
            "classes": found["classes"].map(lambda ones: "|".join(map(str, ones))),
            "locations": found["Label"],
            "cell_line": found["Cellline"],
            "antibody": found["Antibody"].where(found["Antibody"] != "", found["Image"].map(_antibody_of)),
            "gene": found["Gene"],
        }
    ).reset_index(drop=True)
    unique = rows.drop_duplicates("image_id")
    if len(unique) < len(rows):
        left_out["rows of an image that stands there already"] = len(rows) - len(unique)
    if unique.empty:
        raise InputError(f"{path}: no image is left; widen --genes, --locations or --cell-lines.")
    return Selection(unique.reset_index(drop=True), left_out)


def _read(path: Path) -> pd.DataFrame:
    try:
        content = path.read_bytes()
        encoding = encoding_of([content])
        header = content.partition(b"\n")[0].decode(encoding, "replace")
        separator = separator_of(path.name, header)
        frame = pd.read_csv(path, sep=separator, encoding=encoding, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as a table ({error}).") from error
    if missing := [name for name in _NEEDED if name not in frame.columns]:
        raise InputError(
            f"{path}: lacks the columns {', '.join(missing)}; a table with Image, Label and Cellline, one row an "
            "image, is expected (and Gene, Antibody, in_trainset where they are known); it has "
            f"{', '.join(frame.columns[:12])}."
        )
    for name in ("Gene", "Antibody", "in_trainset"):
        frame[name] = frame.get(name, pd.Series("", index=frame.index))
    bad = [text for text in frame["Image"] if not _is_address(text)]
    if bad:
        raise InputError(f"{path}: '{bad[0]}' in the column Image is no web address; {len(bad)} rows are so.")
    return frame


def _wanted(frame: pd.DataFrame, wanted: Wanted, numbers: dict[str, int], path: Path) -> pd.DataFrame:
    for column, names, option in (("Gene", wanted.genes, "genes"), ("Cellline", wanted.cell_lines, "cell-lines")):
        if names:
            known = set(frame[column])
            if unknown := [name for name in names if name not in known]:
                offered = ", ".join(sorted(known - {""})[:20]) or f"none: it has no column {column}"
                raise InputError(f"--{option} {unknown[0]}: {path} names none of it; it names {offered}.")
            frame = frame[frame[column].isin(names)]
    if wanted.locations:
        by_name = {name.lower(): number for name, number in numbers.items()}
        if unknown := [name for name in wanted.locations if name.lower() not in by_name]:
            raise InputError(f"--locations {unknown[0]}: known are {', '.join(numbers)}.")
        chosen = {by_name[name.lower()] for name in wanted.locations}
        frame = frame[frame["classes"].map(lambda ones: bool(chosen & set(ones)))]
    if wanted.limit is not None and len(frame) > wanted.limit:
        frame = frame.iloc[[index * len(frame) // wanted.limit for index in range(wanted.limit)]]
    return frame


def _is_address(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and all(_SAFE.fullmatch(part) for part in _parts_of(text))


def _parts_of(text: str) -> list[str]:
    return [part for part in PurePosixPath(urlsplit(text).path).parts if part != "/"] or [""]


def _id_of(address: str) -> str:
    """Return the id of an image: antibody, plate, well and number.

    >>> _id_of("http://images.proteinatlas.org/4109/23_H11_1_")
    '4109_23_H11_1'
    """
    return "_".join(_parts_of(address)[-2:]).rstrip("_")


def _antibody_of(address: str) -> str:
    parts = _parts_of(address)
    return parts[-2] if len(parts) > 1 else parts[-1].partition("_")[0]
