"""A run's predictions of the tissue images it held out, with their masks: what thresholds are fitted to.

One file an image lies in the run's folder (`held_out_probabilities/`), at the network's own pixel size, probabilities
in steps of 1/255; nothing else is needed where predictions are made. Views of test-time augmentation are not in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32

from hpa.core.errors import InputError
from hpa.core.planes import resized
from hpa.core.whole_file import whole_file
from hpa.core.zip_members import DAMAGE
from hpa.inference.ensemble import Join
from hpa.inference.tissue.member import combine_maps

FOLDER = "held_out_probabilities"
_STEPS = 255
_REMEDY = "thresholds=fixed needs none."


@dataclass(frozen=True)
class HeldOutTissue:
    """One image that a network did not train on.

    Attributes:
        probabilities: Of the network.
        truth: The mask; None where the image is not annotated.
        organ: What it shows.
        pixel_um: Side of a pixel of both maps, µm.
    """

    probabilities: Float32[np.ndarray, "height width"]
    truth: Bool[np.ndarray, "height width"] | None
    organ: str
    pixel_um: float


def write_held_out_tissue(run: Path, image_id: str, image: HeldOutTissue) -> None:
    """Write one image beside the others of a run folder.

    Raises:
        InputError: If the disk is full.
    """
    steps = np.rint(image.probabilities * _STEPS).astype(np.uint8)
    with whole_file(run / FOLDER / f"{image_id}.npz") as file:
        mask: dict[str, Any] = {} if image.truth is None else {"truth": image.truth}
        np.savez_compressed(file, probabilities=steps, organ=image.organ, pixel_um=image.pixel_um, **mask)


def combined_held_out(runs: Sequence[Path], join: Join) -> Iterator[HeldOutTissue]:
    """Yield every image with a mask that a run held out, as the ensemble of the runs would predict it.

    An image that all runs held out is combined as in the ensemble; of one that some held out (members of different
    folds) their predictions are averaged. Maps take the size of the first.

    Raises:
        InputError: If a run has no such images, or a file cannot be read.
    """
    of_run = [held_out_files(run) for run in runs]
    for image_id in sorted(set().union(*of_run)):
        images = [read_held_out_tissue(files[image_id]) for files in of_run if image_id in files]
        first = images[0]
        if first.truth is None:
            continue
        maps = [resized(image.probabilities[None], *first.truth.shape)[0] for image in images]
        by_all = len(maps) == len(runs)
        combined = combine_maps(maps, join) if by_all else np.asarray(np.stack(maps).mean(axis=0), np.float32)
        yield HeldOutTissue(combined, first.truth, first.organ, first.pixel_um)


def held_out_files(run: Path) -> dict[str, Path]:
    """Return the file of each image that a run or a chain held out.

    Raises:
        InputError: If there is none.
    """
    files = {path.stem: path for path in (run / FOLDER).glob("*.npz")}
    if not files:
        raise InputError(
            f"{run / FOLDER}: predictions of held-out images are needed and missing; give ckpt= the folder of a "
            f"finished run on tissue with model/target=foreground. {_REMEDY}"
        )
    return files


def read_held_out_tissue(path: Path) -> HeldOutTissue:
    """Read one file.

    Raises:
        InputError: If it cannot be read.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
            probabilities, organ, pixel_um = (content[name] for name in ("probabilities", "organ", "pixel_um"))
            truth = content["truth"].astype(bool) if "truth" in content else None
    except (OSError, *DAMAGE) as error:
        raise InputError(
            f"{path}: cannot be read as a held-out prediction ({error}); finish the run again. {_REMEDY}"
        ) from error
    is_map = probabilities.ndim == 2 and probabilities.dtype == np.uint8
    if not is_map or (truth is not None and truth.shape != probabilities.shape):
        raise InputError(
            f"{path}: maps of one size were expected, came {probabilities.shape} ({probabilities.dtype}) and "
            f"{None if truth is None else truth.shape}; finish the run again. {_REMEDY}"
        )
    return HeldOutTissue(probabilities.astype(np.float32) / np.float32(_STEPS), truth, str(organ), float(pixel_um))
