"""Checkpoints without the state of training: the moments of the optimizer, the weights beside their average."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch

from hpa.core.whole_file import whole_file
from hpa.models.saved_run import SavedRun, read_saved_run
from hpa.models.tensor_file import load_plain

BESIDE = ("config.yaml", "out_of_fold.parquet")
"""Files of a run folder that fitted ensembles and calibration read: the config and predictions of held-out cells."""


def lean_checkpoint(path: Path, out: Path) -> SavedRun:
    """Write the part of a run's best checkpoint that inference reads, and return the run.

    Raises:
        InputError: If there is no checkpoint, or none that can be read safely.
    """
    saved = read_saved_run(path)
    content = load_plain(saved.path)
    # Cloned, because a view would take its whole storage to the file.
    weights = {f"model.{key}": value.clone() for key, value in saved.weights.items()}
    with whole_file(out) as file:
        torch.save({"hpa": content["hpa"], "epoch": content["epoch"], "state_dict": weights}, file)
    return saved


def lean_run(path: Path, folder: Path) -> SavedRun:
    """Write a run folder with the files that inference reads, and return the run.

    Args:
        path: Run folder or checkpoint.
        folder: Where to write.

    Raises:
        InputError: If there is no checkpoint, or none that can be read safely.
    """
    saved = lean_checkpoint(path, folder / "checkpoints" / "best.ckpt")
    for name in BESIDE:
        if (path / name).is_file():
            shutil.copyfile(path / name, folder / name)
    return saved


def run_name(path: Path) -> str:
    """Return the name of a run in a bundle: that of its folder, in letters that hydra parses.

    >>> run_name(Path("runs/first light/checkpoints/best.ckpt")), run_name(Path("a=1.ckpt"))
    ('first_light', 'a_1')
    """
    whole = path.expanduser().resolve()
    inside = whole.parent.name == "checkpoints"
    name = whole.parents[1].name if inside else whole.stem if whole.suffix == ".ckpt" else whole.name
    return "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in name)
