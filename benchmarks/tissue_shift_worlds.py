"""The two shifts of `benchmarks.tissue_shift`: real nuclei of another stain, synthetic sections from another site.

Real: histology images of the 2018 Data Science Bowl (Caicedo et al., Nature Methods 16:1247, 2019). Networks train on
those of a purple or pink ground and are tested on the 19 of the kind `histology_white`. Nine images of the kind
`histology_purple` lie on white ground as well; they look like the test images and are left out, or there would be no
shift. Synthetic: `hpa synth --layout hubmap`, five organs in the stains and pixel sizes of two sites.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from benchmarks.tissue_shift_baselines import CLASSICAL, Baseline
from benchmarks.tissue_shift_steps import NUCLEI, SECTIONS, Step
from hpa.core.encoding import encode_column_runs
from hpa.core.errors import InputError
from hpa.formats.label_maps import read_label_map
from hpa.simulation.tissue import write_tissue

_KIND = {"histology_purple": "train", "histology_white": "test"}
_BRIGHTEST_GROUND = 180
"""Of 255: of training images the darkest colour of the ground stays below; none lies between 168 and 196."""
_GROUND_PERCENTILE = 90
_ORGAN = "nuclei"
_SECTIONS_PX = 512
_SECTIONS = (100, 40)
"""Sections in all, and those of the test site."""


@dataclass(frozen=True)
class World:
    """A training set, a test set of another look, and the rows to measure.

    Attributes:
        train_words: Words of train.py: the recipe and its data.
        test_words: Words of infer.py: the images to predict.
        truth: Table of the true masks, as `hpa score-tissue` reads it.
        tests: Folder with images/ and labels/ of the test part, for rows without a network.
        baselines: These rows.
        steps: Rows with one.
    """

    train_words: tuple[str, ...]
    test_words: tuple[str, ...]
    truth: Path
    tests: Path
    baselines: tuple[Baseline, ...]
    steps: tuple[Step, ...]


def real_world(folder: Path, samples: Path) -> World:
    """Return the shift of stained nuclei; its images are copied to the folder once.

    Args:
        folder: Where the images go.
        samples: Folder with images/, labels/ and index.csv (columns id and kind).

    Raises:
        InputError: If the samples are not there.
    """
    if not (folder / "truth.csv").is_file():
        _copy_nuclei(folder, samples)
    test = ("data=instance_folder", f"data.root={folder / 'test'}", "data.channels=[red,green,blue]")
    return World(
        ("experiments=hubmap/shift_nuclei", f"data.root={folder / 'train'}"),
        (*test, "data.pixel_um=1.0"),
        folder / "truth.csv",
        folder / "test",
        CLASSICAL,
        NUCLEI,
    )


def synthetic_world(folder: Path) -> World:
    """Return the shift between two synthetic sites; the data are written to the folder once."""
    if not (folder / "truth_test.csv").is_file():
        images, test_images = _SECTIONS
        write_tissue(folder, images=images, side_px=_SECTIONS_PX, seed=1, test_images=test_images)
    return World(
        ("experiments=hubmap/shift_sections", f"data.root={folder}"),
        ("data=hubmap", f"data.root={folder}"),
        folder / "truth_test.csv",
        folder,
        (),
        SECTIONS,
    )


def is_on_coloured_ground(picture: np.ndarray) -> bool:
    """Return whether the ground between the nuclei of an 8-bit colour picture is stained."""
    return float(np.percentile(picture.min(axis=2), _GROUND_PERCENTILE)) < _BRIGHTEST_GROUND


def _copy_nuclei(folder: Path, samples: Path) -> None:
    """Write both parts as data=instance_folder reads them, with an organ, and the truth of the test part."""
    if not (samples / "index.csv").is_file():
        raise InputError(
            f"{samples / 'index.csv'}: missing; --samples names a folder with images/, labels/, index.csv."
        )
    index = pd.read_csv(samples / "index.csv", dtype=str)
    rows: dict[str, list[dict[str, str | int]]] = {"train": [], "test": []}
    for image_id, kind in zip(index["id"], index["kind"], strict=True):
        part = _KIND.get(kind)
        picture = samples / "images" / f"{image_id}.png"
        if part is None or (
            part == "train" and not is_on_coloured_ground(np.array(Image.open(picture).convert("RGB")))
        ):
            continue
        for what in ("images", "labels"):
            place = folder / part / what
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(samples / what / f"{image_id}.png", place)
        mask = read_label_map(samples / "labels" / f"{image_id}.png") > 0
        size = {"img_height": mask.shape[0], "img_width": mask.shape[1]}
        rows[part].append({"id": image_id, "organ": _ORGAN, **size, "rle": encode_column_runs(mask)})
    for part, listed in rows.items():
        pd.DataFrame(listed)[["id", "organ"]].to_csv(folder / part / "index.csv", index=False)
    shutil.copytree(folder / "test" / "images", folder / "train" / "test_images")  # where augment=tissue_matched looks
    pd.DataFrame(rows["test"]).to_csv(folder / "truth.csv", index=False)  # last: it says that all is there
