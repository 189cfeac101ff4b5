"""A synthetic tissue world on disk, in the layout of "Hacking the Human Body", with the truth of the test set apart.

train.csv                      id,organ,data_source,img_height,img_width,pixel_size,tissue_thickness,rle,age,sex
train_images/<id>.tiff         8 bit RGB
train_annotations/<id>.json    outlines of the functional tissue units (FTU), [[[x, y], …], …]
test.csv, test_images/         the first seven columns
sample_submission.csv          id,rle
truth_test.csv                 as test.csv, with rle: for `hpa score-tissue`
world.json                     what made it, and the stain of each image
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import tifffile
from jaxtyping import Bool
from tqdm import tqdm

from hpa.core.encoding import encode_column_runs
from hpa.core.errors import InputError
from hpa.core.whole_file import whole_folder
from hpa.simulation.parallel import check_counts, in_order
from hpa.simulation.tissue.section import SECTION_WIDTH_UM, THICKNESS_UM, SyntheticSection, render_section

MIN_SIDE_PX = 64
_TEST_COLUMNS = ("id", "organ", "data_source", "img_height", "img_width", "pixel_size", "tissue_thickness")
_TRAIN_COLUMNS = (*_TEST_COLUMNS, "rle", "age", "sex")
_SOURCE: dict[str, str] = {"train": "HPA", "test": "Hubmap"}
_FIRST_ID = {"train": 10000, "test": 20000}
_TRAIN_THICKNESS_UM = 4


@dataclass(frozen=True)
class WrittenSection:
    """Columns of the tables for a section whose files are on disk."""

    columns: dict[str, str]
    stain: str


def write_tissue(
    folder: Path, *, images: int, side_px: int, seed: int, test_images: int | None = None, workers: int = 1
) -> None:
    """Write a data set of `images` sections, training and test together; organs alternate.

    A section depends on its seed, split and number alone: larger worlds of one seed begin with the smaller ones.

    Args:
        folder: Where it shall be; missing or empty.
        images: Number of sections.
        side_px: Side of training images; a section is 1.2 mm wide whatever its pixels. Test images have pixels of
            another size for each organ, in the ratios of the competition.
        seed: Number of the world.
        test_images: How many of the sections are the test split; None for a quarter.
        workers: Processes.

    Raises:
        InputError: If the folder holds anything, or a number makes no sense.
    """
    test_images = max(1, images // 4) if test_images is None else test_images
    check_counts(images, test_images, seed, workers)
    if side_px < MIN_SIDE_PX:
        raise InputError(f"sections have sides of {MIN_SIDE_PX} px or more, got {side_px}.")
    with whole_folder(folder) as part:
        written: dict[str, list[WrittenSection]] = {}
        counts: dict[Literal["train", "test"], int] = {"train": images - test_images, "test": test_images}
        (part / "train_annotations").mkdir()
        for split, count in counts.items():
            (part / f"{split}_images").mkdir()
            draw = partial(write_section, part, seed, split, side_px)
            written[split] = list(tqdm(in_order(draw, count, workers), f"{split} sections", count, disable=None))
        _write_table(part / "train.csv", _TRAIN_COLUMNS, written["train"])
        _write_table(part / "test.csv", _TEST_COLUMNS, written["test"])
        _write_table(part / "truth_test.csv", (*_TEST_COLUMNS, "rle"), written["test"])
        _write_sample(part / "sample_submission.csv", written["test"])
        settings = {"images": images, "test_images": test_images, "side_px": side_px, "seed": seed}
        stains = {section.columns["id"]: section.stain for sections in written.values() for section in sections}
        described = {"layout": "hubmap", "settings": settings, "width_um": SECTION_WIDTH_UM, "stains": stains}
        (part / "world.json").write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")


def write_section(
    folder: Path, seed: int, split: Literal["train", "test"], train_side_px: int, index: int
) -> WrittenSection:
    """Draw one section, write its picture and outlines, and return its row of the tables."""
    cv2.setNumThreads(0)  # sections, not pixels, are shared out between processes
    section = render_section(seed, split, index, train_side_px)
    image_id = str(_FIRST_ID[split] + index)
    picture = folder / f"{split}_images" / f"{image_id}.tiff"
    tifffile.imwrite(picture, section.picture, photometric="rgb", compression="zlib", compressionargs={"level": 1})
    if split == "train":
        outlines = json.dumps(outlines_of(section.ftu_mask), separators=(",", ":"))
        (folder / "train_annotations" / f"{image_id}.json").write_text(outlines, encoding="utf-8")
    return WrittenSection(_columns(section, split, image_id, np.random.default_rng([seed, index])), section.stain)


def outlines_of(ftu_mask: Bool[np.ndarray, "height width"]) -> list[list[list[int]]]:
    """Return the outline of each FTU, [[x, y], …] in px, one pixel lower than its mask, as the competition wrote them.

    The reader of polygons moves them up again; what lies in the last row is lost.
    """
    lowered = np.zeros(ftu_mask.shape, np.uint8)
    lowered[1:] = ftu_mask[:-1]
    contours, _ = cv2.findContours(lowered, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    # an FTU of one or two pixels has as many corners: the last is repeated, for a polygon has three
    return [[*corners, *[corners[-1]] * (3 - len(corners))] for corners in (c[:, 0].tolist() for c in contours)]


def _columns(section: SyntheticSection, split: str, image_id: str, rng: np.random.Generator) -> dict[str, str]:
    height, width = section.ftu_mask.shape
    thickness = _TRAIN_THICKNESS_UM if split == "train" else THICKNESS_UM[section.organ]
    return {
        "id": image_id,
        "organ": section.organ,
        "data_source": _SOURCE[split],
        "img_height": str(height),
        "img_width": str(width),
        "pixel_size": f"{section.pixel_um:.4f}",
        "tissue_thickness": str(thickness),
        "rle": encode_column_runs(section.ftu_mask),
        "age": str(rng.integers(21, 85)),
        "sex": "Male" if section.organ == "prostate" else str(rng.choice(["Male", "Female"])),
    }


def _write_table(path: Path, columns: Sequence[str], sections: Sequence[WrittenSection]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(section.columns for section in sections)


def _write_sample(path: Path, sections: Sequence[WrittenSection]) -> None:
    """Write sample_submission.csv: one pixel an image, as a reminder of the format."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "rle"])
        writer.writerows([section.columns["id"], "1 1"] for section in sections)
