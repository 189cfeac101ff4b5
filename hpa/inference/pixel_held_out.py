"""What a run said of its held-out tissue images, and what is true of them: that from which thresholds are fitted.

One file an image lies in the run's folder (`held_out_probabilities/`), at the network's own pixel size, probabilities
in steps of 1/255; nothing else is needed where predictions are made. Views of test-time augmentation are not in it.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32

from hpa.core.errors import InputError
from hpa.core.planes import resized
from hpa.core.whole_file import whole_file
from hpa.inference.pixel_members import Joins, joined

FOLDER = "held_out_probabilities"
_STEPS = 255
_REMEDY = "thresholds=fixed needs none."


@dataclass(frozen=True)
class HeldOutTissue:
    """One image that a network did not train on.

    Attributes:
        probabilities: What the network said.
        truth: The mask.
        organ: What it shows.
        pixel_um: Side of a pixel of both maps, µm.
    """

    probabilities: Float32[np.ndarray, "height width"]
    truth: Bool[np.ndarray, "height width"]
    organ: str
    pixel_um: float


def write_held_out(run: Path, image_id: str, image: HeldOutTissue) -> None:
    """Write one image beside the others of a run folder.

    Raises:
        InputError: If the disk is full.
    """
    steps = np.rint(image.probabilities * _STEPS).astype(np.uint8)
    with whole_file(run / FOLDER / f"{image_id}.npz") as file:
        np.savez_compressed(file, probabilities=steps, truth=image.truth, organ=image.organ, pixel_um=image.pixel_um)


def joined_held_out(runs: Sequence[Path], join: Joins) -> Iterator[HeldOutTissue]:
    """Give every image that a run held out, as the ensemble of the runs would see it.

    An image that all held out is joined as the ensemble does; one that some held out (members of different folds) is
    the mean of what those said. Maps take the size of the first.

    Raises:
        InputError: If a run has no such images, or a file cannot be read.
    """
    of_run = [_files(run) for run in runs]
    for image_id in sorted(set().union(*of_run)):
        images = [_read(files[image_id]) for files in of_run if image_id in files]
        first = images[0]
        maps = [resized(image.probabilities[None], *first.truth.shape)[0] for image in images]
        by_all = len(maps) == len(runs)
        together = joined(maps, join) if by_all else np.asarray(np.stack(maps).mean(axis=0), np.float32)
        yield HeldOutTissue(together, first.truth, first.organ, first.pixel_um)


def _files(run: Path) -> dict[str, Path]:
    """Return the file of each image."""
    files = {path.stem: path for path in (run / FOLDER).glob("*.npz")}
    if not files:
        raise InputError(
            f"{run / FOLDER}: predictions of held-out images are needed and missing; give ckpt= the folder of a "
            f"finished run on tissue with model/target=foreground. {_REMEDY}"
        )
    return files


def _read(path: Path) -> HeldOutTissue:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
            probabilities, truth, organ, pixel_um = (
                content[name] for name in ("probabilities", "truth", "organ", "pixel_um")
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(
            f"{path}: cannot be read as a held-out prediction ({error}); finish the run again. {_REMEDY}"
        ) from error
    if probabilities.ndim != 2 or probabilities.dtype != np.uint8 or truth.shape != probabilities.shape:
        raise InputError(
            f"{path}: two maps of one size were expected, came {probabilities.shape} ({probabilities.dtype}) and "
            f"{truth.shape}; finish the run again. {_REMEDY}"
        )
    said = probabilities.astype(np.float32) / np.float32(_STEPS)
    return HeldOutTissue(said, truth.astype(bool), str(organ), float(pixel_um))
