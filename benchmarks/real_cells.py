"""Sets of real cells for the ladder: `python -m benchmarks.real_cells stains|frequent|nuclei FOLDER`.

Crops are cut from the sample images in $HPA_SAMPLES to FOLDER/crops, and `hpa compose` writes FOLDER/data from them, as
`python -m benchmarks.ladder FOLDER` expects it. The same command makes the same bytes.

    stains      six stains as six classes: two fields of Cell Painting (BSD-3-Clause), one set of Schwann cells, cells
                of the Human Protein Atlas; a cell gives a crop for each of its stains
    frequent    the same; a fifth of the cells of other stains also show DNA, so that nearly all fields have one class
    nuclei      2018 Data Science Bowl (CC0): six clusters by size, shape, brightness and texture; one nucleus in five
                counts as the neighbouring kind, as classes with a blurred border do
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, UInt8
from tqdm import tqdm

from benchmarks.real_nuclei import clustered_nuclei
from benchmarks.real_stains import stained_cells
from hpa.cli import main as hpa
from hpa.core.errors import InputError
from hpa.core.whole_file import whole_folder

DNA = "Nucleoplasm"
ALSO_DNA = 0.2
"""Share of the cells of other stains that also show DNA in `frequent`."""
_COMPOSE = (
    *("--size", "256", "--cells-per-field", "8-12", "--miss", "0.02", "--invent", "0.02"),
    *("--test-share", "0.3", "--group", "specimen", "--seed", "3"),
)


class Crop(NamedTuple):
    """A crop of one channel, the pixels of its cell, its classes, and what it was cut from."""

    pixels: UInt8[np.ndarray, "height width"]
    mask: Bool[np.ndarray, "height width"]
    class_names: tuple[str, ...]
    specimen: str


class RealSet(NamedTuple):
    """Where the crops of a set come from, folders of the samples included, and how many classes a field shows."""

    folders: tuple[str, ...]
    crops: Callable[[Path], Iterator[Crop]]
    classes_per_field: int


def _stains(samples: Path) -> Iterator[Crop]:
    for cell in stained_cells(samples):
        for name, pixels in cell.planes.items():
            yield Crop(pixels, cell.mask, (name,), cell.specimen)


def _frequent(samples: Path) -> Iterator[Crop]:
    rng = np.random.default_rng(0)
    for cell in stained_cells(samples):
        for name, pixels in cell.planes.items():
            if name != DNA and DNA in cell.planes and rng.random() < ALSO_DNA:
                yield Crop(np.maximum(pixels, cell.planes[DNA]), cell.mask, (DNA, name), cell.specimen)
            else:
                yield Crop(pixels, cell.mask, (name,), cell.specimen)


def _nuclei(samples: Path) -> Iterator[Crop]:
    for nucleus in clustered_nuclei(samples):
        yield Crop(nucleus.pixels, nucleus.mask, (f"kind {nucleus.kind}",), nucleus.image_id)


_STAINED = ("cellpainting", "hpa_rgby")
SETS = {
    "stains": RealSet(_STAINED, _stains, 3),
    "frequent": RealSet(_STAINED, _frequent, 2),
    "nuclei": RealSet(("dsb2018",), _nuclei, 3),
}


def write_crops(folder: Path, crops: Iterator[Crop]) -> Path:
    """Write crops, their masks and the table of both; return the table.

    Raises:
        InputError: If the folder holds anything.
    """
    with whole_folder(folder) as part:
        rows = []
        for number, crop in enumerate(tqdm(crops, "crops", disable=None)):
            name = f"{number:05d}.png"
            for path, image in ((name, crop.pixels), (f"{number:05d}_mask.png", crop.mask.astype(np.uint8) * 255)):
                (part / path).write_bytes(cv2.imencode(".png", image)[1].tobytes())
            rows.append([name, "|".join(crop.class_names), crop.specimen])
        with (part / "crops.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerows([["crop", "class", "specimen"], *rows])
    return folder / "crops.csv"


def main(words: Sequence[str] | None = None) -> int:
    """Cut the crops and compose the fields."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.real_cells", description=__doc__.partition("\n")[0])
    parser.add_argument("name", choices=sorted(SETS), help="which set")
    parser.add_argument("folder", type=Path, help="new: crops/ and data/ are written into it")
    parser.add_argument(
        "--samples", type=Path, default=os.environ.get("HPA_SAMPLES"), help="folder of the sample images ($HPA_SAMPLES)"
    )
    parser.add_argument("--images", type=int, default=400, help="fields, training and test together (400)")
    given = parser.parse_args(words)
    chosen = SETS[given.name]
    if given.samples is None or not all((given.samples / name).is_dir() for name in chosen.folders):
        expected = " and ".join(f"{name}/" for name in chosen.folders)
        sys.exit(f"--samples or $HPA_SAMPLES: sample images in {expected} are expected, came {given.samples}.")
    given.folder.mkdir(parents=True, exist_ok=True)
    try:
        table = write_crops(given.folder / "crops", chosen.crops(given.samples))
    except InputError as error:
        sys.exit(str(error))
    composed = ["compose", str(table), str(given.folder / "data"), "--images", str(given.images), *_COMPOSE]
    return hpa([*composed, "--classes-per-field", str(chosen.classes_per_field)])


if __name__ == "__main__":
    sys.exit(main())
