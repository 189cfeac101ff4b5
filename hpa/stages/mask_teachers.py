"""Lets earlier runs soften masks: reads what they said of images that they held out, and refuses whoever saw them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32
from torch import nn

from hpa.core.errors import InputError
from hpa.core.planes import resized
from hpa.inference.pixel_held_out import held_out_files, read_held_out
from hpa.interfaces import TaughtMasksByRuns
from hpa.pixels.data_module import PixelDataModule
from hpa.stages.teachers import members_of, require_unseen, some
from hpa.training.provenance import Provenance

log = logging.getLogger(__name__)


def images_of(data: PixelDataModule) -> Provenance:
    """Return the images of a run that masks pixels, known by their planes too; those it leaves out do not train."""
    images = Provenance.of(data.table, data.folds.held_out, None).frame
    trained = np.isin(np.arange(len(images)), data.rows(validation=False))
    content = [data.store.content(image_id) for image_id in data.table.image_ids]
    return Provenance(images.assign(trained=trained, content=content))


def teach_masks(supervision: nn.Module, data: PixelDataModule) -> None:
    """Tell the data what earlier runs said, where a part of the strategy asks for it.

    Raises:
        InputError: If a run saw an image that it would label, declares nothing, or none says anything of what trains.
    """
    for part in supervision.modules():
        if isinstance(part, TaughtMasksByRuns):
            _teach(part.mask_runs, data)


def _teach(runs: Sequence[str], data: PixelDataModule) -> None:
    said = {path: held_out_files(path) for run in runs for path in members_of(run)}
    images = Provenance.of(data.table, data.folds.held_out, None).frame
    own = Provenance(images.assign(content=[data.store.content(image_id) for image_id in data.table.image_ids]))
    require_unseen([(path, Provenance.read(path), list(files)) for path, files in said.items()], own)
    training = own.frame.loc[own.frame["trained"], "image_id"].tolist()
    silent = []
    for image_id in training:
        files = [files[image_id] for files in said.values() if image_id in files]
        if files:
            data.teach(image_id, _mean_of(files))
        else:
            silent.append(image_id)
    if len(silent) == len(training):
        raise InputError(
            f"supervision.runs: {', '.join(runs)} said nothing of any image that trains here; give runs that held "
            "these images out: all folds of stages=cross_validation, not the one that holds out what is held out here."
        )
    if silent:
        log.warning("%s said nothing of %s; these keep their masks, or stay out", ", ".join(runs), some(silent))


def _mean_of(files: Sequence[Path]) -> Float32[np.ndarray, "height width"]:
    """Return the mean of several maps of an image, at the size of the first."""
    maps = [read_held_out(path).probabilities for path in files]
    same = [resized(one[None], *maps[0].shape)[0] for one in maps]
    return np.asarray(np.mean(same, axis=0), np.float32)
