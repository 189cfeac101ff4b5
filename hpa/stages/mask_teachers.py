"""Soft masks from earlier runs: their predictions of images that they held out; runs that saw an image are refused."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from hpa.core.digest import digest_of_values, sha256_of_file
from hpa.core.errors import InputError
from hpa.core.planes import resized
from hpa.inference.tissue.held_out import held_out_files, read_held_out_tissue
from hpa.pixels.data_module import PixelDataModule, PreparedImages
from hpa.stages.teachers import members_of, require_unseen, some
from hpa.training.provenance import Provenance

log = logging.getLogger(__name__)


def provenance_of(data: PixelDataModule) -> Provenance:
    """Return the images of a run of pixels, identified by their planes too; those it leaves out do not train."""
    images = Provenance.of(data.table, data.folds.held_out, None).frame
    trained = np.isin(np.arange(len(images)), data.rows(validation=False))
    content = [data.store.content(image_id) for image_id in data.table.image_ids]
    return Provenance(images.assign(trained=trained, content=content, pixels=content))


def soft_masks(
    runs: Sequence[str], images: PreparedImages
) -> Iterator[tuple[str, Float32[np.ndarray, "height width"]]]:
    """Yield the ids of images that train with the mean prediction of earlier runs, having held them out.

    Raises:
        InputError: If a run saw an image that it would label, recorded no provenance, or none predicted any image that
            trains.
    """
    if not runs:
        return
    predictions = {path: held_out_files(path) for run in runs for path in members_of(run)}
    frame = Provenance.of(images.table, images.folds.held_out, None).frame
    own = Provenance(frame.assign(content=[images.store.content(image_id) for image_id in images.table.image_ids]))
    require_unseen([(path, Provenance.read(path), list(files)) for path, files in predictions.items()], own)
    training = own.frame.loc[own.frame["trained"], "image_id"].tolist()
    found = {name: [files[name] for files in predictions.values() if name in files] for name in training}
    missing = [name for name, files in found.items() if not files]
    if len(missing) == len(training):
        raise InputError(
            f"supervision.runs: {', '.join(runs)} predicted no image that trains here; give runs that held these "
            "images out: all folds of stages=cross_validation, not the one that holds out what is held out here."
        )
    if missing:
        log.warning("%s did not predict %s; these keep their masks, or stay out", ", ".join(runs), some(missing))
    yield from ((name, _mean_of(files)) for name, files in found.items() if files)


def digests_of_predictions(runs: Sequence[str]) -> dict[str, str]:
    """Return the digest of the predictions of each earlier run, by its folder."""
    return {str(path): _digest_of(path) for run in runs for path in members_of(run)}


def _digest_of(path: Path) -> str:
    files = held_out_files(path)
    return digest_of_values({name: sha256_of_file(file) for name, file in files.items()})


def _mean_of(files: Sequence[Path]) -> Float32[np.ndarray, "height width"]:
    """Return the mean of several maps of an image, at the size of the first."""
    maps = [read_held_out_tissue(path).probabilities for path in files]
    same = [resized(one[None], *maps[0].shape)[0] for one in maps]
    return np.asarray(np.mean(same, axis=0), np.float32)
