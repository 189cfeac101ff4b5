"""What a run declares of itself before its first batch: images, folds, classes, and who taught it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from hpa.cells.data_module import CellDataModule
from hpa.core.digest import digest_of_values, sha256_of_file
from hpa.core.errors import InputError
from hpa.inference.pixel_held_out import held_out_files
from hpa.interfaces import TaughtByRuns, TaughtMasksByRuns
from hpa.pixels.data_module import PixelDataModule
from hpa.stages.mask_teachers import images_of
from hpa.stages.teachers import members_of
from hpa.training.provenance import FILE, Provenance
from hpa.training.run_folder import RunFolder


def declare(run: RunFolder, data: Any, supervision: nn.Module) -> None:
    """Write `images.parquet`, and folds, classes and teachers into `run.json`; what was declared earlier stays.

    Raises:
        InputError: If the teachers are no longer those that the run was begun with.
    """
    stored = data.stored if isinstance(data, CellDataModule) else None
    images = Provenance.of(data.table, data.folds.held_out, stored)
    if isinstance(data, PixelDataModule):
        images = images_of(data)
    if (run.path / FILE).is_file():
        images = images.after(Provenance.read(run.path))
    teachers = _teachers(supervision)
    begun = run.facts().get("teachers", teachers)
    if begun != teachers:
        raise InputError(
            f"{run.path}: was begun with other teachers: {', '.join(sorted(begun))} have changed since, or their "
            "predictions have. Begin a new run."
        )
    images.write(run.path)
    folds = {"count": data.folds.count, "held_out": data.folds.held_out, "seed": data.folds.seed}
    run.write_facts({"folds": folds, "class_names": list(data.table.class_names), "teachers": teachers})


def _teachers(supervision: nn.Module) -> dict[str, str]:
    """Return the digest of what each teaching run said."""
    named = [run for part in supervision.modules() if isinstance(part, TaughtByRuns) for run in part.runs]
    of_cells = {str(path): _digest_of_cells(path) for run in named for path in members_of(run)}
    masks = [run for part in supervision.modules() if isinstance(part, TaughtMasksByRuns) for run in part.mask_runs]
    return of_cells | {str(path): _digest_of_masks(path) for run in masks for path in members_of(run)}


def _digest_of_cells(path: Path) -> str:
    return sha256_of_file(path / "out_of_fold.parquet")


def _digest_of_masks(path: Path) -> str:
    files = held_out_files(path)
    return digest_of_values({name: sha256_of_file(file) for name, file in files.items()})
