"""What the page and the figures of a run show, read back from its folder: held-out cells, history, config, commands."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float32, Int64
from torch import nn

from hpa.core.errors import InputError
from hpa.core.field import Segmentation
from hpa.core.plugins import declared_plugins
from hpa.core.project_folder import with_commands
from hpa.device import choose_device
from hpa.inference.saved_network import network_of
from hpa.interfaces import SeesFields, SegmentedField
from hpa.models.class_maps import class_maps
from hpa.models.saved_run import read_saved_run
from hpa.reports.class_styles import class_styles
from hpa.reports.facts import MapsOf, RunFacts
from hpa.results.run import RunCells
from hpa.training.metrics_file import METRICS, read_metrics
from hpa.training.run_folder import RunFolder

MEASURES = ("area_px", "edge_px", "nucleus_px")
"""Columns of stored cells by which scores are grouped."""
_OF_A_FOLDER = ("run_dir=", "resume=", "hydra.sweep.", "hydra.run.")


def run_facts(folder: Path, overrides: Sequence[str] = ()) -> RunFacts:
    """Return what is known of a finished run that classifies cells; images are read when they are drawn.

    Args:
        folder: The run.
        overrides: Values of its config that are others now, e.g. `data.root=DIR`.

    Raises:
        InputError: If it is no such run, its data are gone, or it is another user's and names files that are not given.
    """
    cells = RunCells(folder, overrides)
    held_out, (stored, rows) = cells.held_out, cells.stored_rows()
    names = cells.class_names
    saved = read_saved_run(folder / "checkpoints" / "best.ckpt")

    def crops_of(chosen: Int64[np.ndarray, " row"]) -> Float32[np.ndarray, "row channel side side"]:
        return stored.crops(rows[chosen]).pixels

    return RunFacts(
        **page_of_run(RunFolder(folder), saved.epoch),
        class_names=names,
        class_styles=class_styles(len(names)),
        cells=pd.DataFrame({"image_id": np.array(held_out.image_ids, object), "cell": held_out.cells}),
        probabilities=held_out.probabilities,
        image_targets=held_out.image_targets,
        cell_targets=held_out.cell_targets,
        field_of=lambda image_id: SegmentedField(cells.read(image_id), Segmentation(cells.label_map(image_id))),
        crops_of=crops_of,
        channels=tuple(cells.config["data"]["channels"]),
        maps_of=maps_of(network_of(saved).to(choose_device("auto")), crops_of, len(rows)),
        measures=stored.cells.iloc[rows][list(MEASURES)].reset_index(drop=True),
        next_commands=next_commands(RunFolder(folder)),
    )


def maps_of(
    network: nn.Module,
    crops_of: Callable[[Int64[np.ndarray, " row"]], Float32[np.ndarray, "row channel side side"]],
    cells: int,
) -> MapsOf | None:
    """Return what shows where a network looked, None of one that reads whole images or has no maps.

    Args:
        network: In evaluation mode.
        crops_of: Returns the crops of rows.
        cells: How many rows there are.
    """
    if isinstance(network, SeesFields) or not cells:
        return None
    try:
        class_maps(network, crops_of(np.zeros(1, np.int64)), np.zeros(1, np.int64))
    except InputError:
        return None
    return lambda chosen, classes: class_maps(network, crops_of(chosen), classes)


def page_of_run(run: RunFolder, best_epoch: int) -> dict[str, Any]:
    """Return what stands on the page of any run: title, command, config, history, best epoch, seed, commit."""
    facts = run.facts()
    return {
        "title": run.path.name,
        "command": with_commands(shlex.join(["python", *facts.get("command", [])])),
        "config_text": run.config_file.read_text(encoding="utf-8"),
        "history": read_metrics(run.path / METRICS),
        "best_epoch": best_epoch,
        "seed": run.config()["seed"],
        "commit": facts.get("commit"),
        "validation_batches": validation_batches(facts),
    }


def validation_batches(facts: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return how many batches each validation of a run used, and of how many; None of runs that did not note it."""
    noted = facts.get("validation_batches")
    if not isinstance(noted, list) or len(noted) != 2 or not all(isinstance(count, int) for count in noted):
        return None
    return noted[0], noted[1]


def next_commands(run: RunFolder) -> list[tuple[str, str]]:
    """Return what can be done with a run that classifies cells, and the command line of each."""
    words = [word for word in run.facts().get("command", []) if not word.startswith(_OF_A_FOLDER)]
    named = _plugins(run)
    path = f"{named}{shlex.quote(str(run.path))}"
    lines = [
        ("The same training again, in a new folder", shlex.join(["python", *words])),
        ("All held-out cells in their images", f"hpa show {path}"),
        ("Likely label errors first, and corrections", f"hpa explore {path}"),
    ]
    return [*((what, with_commands(line)) for what, line in lines), ("Predict the images of a test set", predict(run))]


def predict(run: RunFolder) -> str:
    """Return the command line that predicts a test set with a run."""
    plugins = _plugins(run)
    return with_commands(f"python infer.py {plugins}ckpt={shlex.quote(str(run.path))} split=test out=submission.csv")


def go_on(run: RunFolder) -> str:
    """Return the command line that goes on with a run."""
    plugins = _plugins(run)
    return with_commands(f"python train.py {plugins}resume={shlex.quote(str(run.path))}")


def _plugins(run: RunFolder) -> str:
    """Return the word and a blank that name the plugins of a run, "" where none needs to be named."""
    wanted = [package for package in run.config().get("plugins", []) if package not in declared_plugins()]
    return f"plugins=[{','.join(wanted)}] " if wanted else ""
