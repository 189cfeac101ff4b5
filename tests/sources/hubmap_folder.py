"""A small data set in the layout of the tissue competition."""

import csv
import json
from pathlib import Path

import numpy as np
import tifffile

TRAIN_COLUMNS = [
    "id",
    "organ",
    "data_source",
    "img_height",
    "img_width",
    "pixel_size",
    "tissue_thickness",
    "rle",
    "age",
    "sex",
]
SIDES = (20, 30)
"""Height and width: not square, so that a swap shows."""
ROW = {
    "organ": "lung",
    "data_source": "HPA",
    "img_height": 20,
    "img_width": 30,
    "pixel_size": 0.4,
    "tissue_thickness": 4,
    "rle": "22 3 42 3",
    "age": 61,
    "sex": "Male",
}
SQUARE = [[[2, 3], [6, 3], [6, 8], [2, 8]]]


def picture(seed: int = 0, height: int = SIDES[0], width: int = SIDES[1], dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, (height, width, 3)).astype(dtype)


def write_table(path: Path, rows: list[dict], columns: list[str] = TRAIN_COLUMNS) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_set(root: Path, *rows: dict, split: str = "train") -> Path:
    """Write rows (`ROW` with what each says otherwise), and a picture for each; polygons of ids with a blank rle."""
    full = [{**ROW, "id": str(number), **row} for number, row in enumerate(rows, start=1)]
    write_table(root / f"{split}.csv", full, TRAIN_COLUMNS if split == "train" else TRAIN_COLUMNS[:7])
    (root / f"{split}_images").mkdir()
    for seed, row in enumerate(full):
        if row["id"]:
            tifffile.imwrite(root / f"{split}_images" / f"{row['id']}.tiff", picture(seed), photometric="rgb")
        if split == "train" and not row["rle"]:
            write_polygons(root, row["id"], SQUARE)
    return root


def write_polygons(root: Path, image_id: str, content: object) -> Path:
    path = root / "train_annotations" / f"{image_id}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))
    return path
