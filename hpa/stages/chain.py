"""What chains of trainings share: their folders, going on after a kill, and their combined results."""

from __future__ import annotations

import copy
import math
import shlex
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from hpa.config import Config, build
from hpa.core.addresses import as_path
from hpa.core.errors import InputError
from hpa.core.project_folder import with_commands
from hpa.core.whole_file import whole_file
from hpa.formats.parquet_table import CHECKSUMS, read_parquet
from hpa.inference.cells.held_out import FILE, read_held_out_cells
from hpa.inference.tissue.held_out import FOLDER as MAPS
from hpa.overrides import differing_keys
from hpa.reports.page import page_of_folder
from hpa.stages.chain_page import write_chain_page
from hpa.training.checkpoint import link_into_place
from hpa.training.run_folder import RunFolder, has_epoch

SINGLE: Config = {"_target_": "hpa.stages.single.SingleStage"}
CELLS, PIXELS = FILE, "held_out.csv"
"""Tables of predictions of the held-out images that trainings leave: of cells, and scores of images."""


def stage_name(number: int) -> str:
    """Return the folder of a stage, within that of its chain."""
    return f"stages/{number}"


def open_or_create(config: Config, name: str, sweep_folder: Path | None) -> RunFolder:
    """Return the folder of a chain: a new one, or the one that the same command started.

    Raises:
        InputError: If the folder holds a run of another config.
    """
    place = sweep_folder or config["run_dir"]
    if place is not None:
        run = RunFolder(as_path(place).expanduser())
        if run.config_file.is_file() and (has_epoch(run) or not differing_keys(run.config(), config)):
            _require_same(run, config)
            return run
    return RunFolder.create(config, name, sweep_folder)


def open_stage(config: Config, folder: Path) -> RunFolder:
    """Return the run in a folder, a new one of this config if there is none yet."""
    run = RunFolder(folder)
    if run.config_file.is_file():
        return run
    return RunFolder.create(copy.deepcopy(config) | {"run_dir": str(folder)}, "", None)


def finish(run: RunFolder, config: Config, stages: Sequence[str], members: Sequence[str]) -> None:
    """Write into a chain's folder what a run leaves: the last student's weights, all held-out predictions, scores.

    Args:
        run: The chain.
        config: Its config.
        stages: All its stages in order, relative to its folder.
        members: Those whose held-out predictions together cover every image once.
    """
    _concatenate(run.path, members)
    scores = pd.DataFrame([{"stage": stage, **_scores(run.path / stage, config)} for stage in stages])
    of_all = _scores(run.path, config)
    overall = pd.DataFrame([{"stage": "all held-out images", **of_all}])
    with whole_file(run.path / "stages.csv") as file:
        pd.concat([scores, overall], ignore_index=True).to_csv(file, index=False)
    last = run.path / stages[-1]
    run.checkpoints.mkdir(exist_ok=True)
    link_into_place(last / "checkpoints" / "best.ckpt", run.checkpoints / "best.ckpt")
    with whole_file(run.path / "metrics.csv") as file:
        file.write((last / "metrics.csv").read_bytes())
    facts = RunFolder(last).facts()
    epochs = {name: facts[name] for name in ("epochs", "max_epochs", "class_names")}
    scores_of_all = {f"val_{name}": float(value) for name, value in of_all.items() if math.isfinite(value)}
    best = {"monitor": facts.get("monitor"), "scores": scores_of_all}
    run.write_facts({"finished": True, "members": list(members), **epochs, **best})
    if config["report"]:
        command = with_commands(shlex.join(["python", *run.facts().get("command", [])]))
        with page_of_folder(run.path) as page:
            write_chain_page(page, run.path, command)


def _concatenate(folder: Path, members: Sequence[str]) -> None:
    """Write the members' held-out predictions, of cells or of pixels, as one table."""
    cells, pixels = ([folder / member / name for member in members] for name in (CELLS, PIXELS))
    if all(file.is_file() for file in cells):
        with whole_file(folder / CELLS) as out:
            pd.concat(map(_held_out, cells), ignore_index=True).to_parquet(out, index=False, **CHECKSUMS)
    if all(file.is_file() for file in pixels):
        with whole_file(folder / PIXELS) as out:
            pd.concat([_read_scores(file) for file in pixels], ignore_index=True).to_csv(out, index=False)
    maps = [file for member in members for file in sorted((folder / member / MAPS).glob("*.npz"))]
    if maps:
        (folder / MAPS).mkdir(exist_ok=True)
    for file in maps:
        link_into_place(file, folder / MAPS / file.name)


def _scores(folder: Path, config: Config) -> dict[str, int | float]:
    """Return the metric of a folder's held-out cells, or the mean scores of its images where it left no cells."""
    if not (folder / CELLS).is_file():
        return _scores_of_images(folder / PIXELS)
    held_out = read_held_out_cells(folder)
    starts = [cells.start for cells in held_out.by_image()]
    image_of_cell = np.repeat(np.arange(len(starts)), np.diff([*starts, len(held_out.cells)]))
    scores = build(config["metric"]).scores(
        held_out.probabilities, image_of_cell, held_out.image_targets[starts], held_out.cell_targets
    )
    return {"images": len(starts), "cells": len(held_out.cells), **scores}


def _scores_of_images(file: Path) -> dict[str, int | float]:
    if not file.is_file():
        return {}
    images = _read_scores(file)
    means = images.mean(numeric_only=True)
    return {"images": len(images), **{str(name): float(value) for name, value in means.items()}}


def _read_scores(file: Path) -> pd.DataFrame:
    return pd.read_csv(file, dtype={"image_id": str})


def _require_same(run: RunFolder, config: Config) -> None:
    leaves = differing_keys(run.config(), config)
    if leaves:
        raise InputError(
            f"{run.path}: holds a run of another config ({', '.join(leaves[:5])} differ); go on with "
            f"resume={shlex.quote(str(run.path))} or choose another run_dir."
        )


def _held_out(path: Path) -> pd.DataFrame:
    return read_parquet(path, "held-out predictions", "finish the run again.")
