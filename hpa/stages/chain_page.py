"""The page of a chain: its stages with their scores, how far its folds spread, the curves of all trainings."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from hpa.core.errors import InputError
from hpa.reports.runs_page import RunsFacts, write_runs_page
from hpa.training.metrics_file import read_metrics

STAGES = "stages.csv"
_COLUMNS = ("image_map", "cell_map", "dice", "map", "ap50")
CURVES = {
    "val_loss": "Validation loss",
    "val_image_map": "Mean average precision of images",
    "val_cell_map": "Mean average precision of single cells",
    "val_dice": "Dice",
    "val_map": "Average precision, IoU .50 to .95",
}
"""Columns of metrics.csv that are drawn where any run has them."""


def write_chain_page(path: Path, folder: Path, command: str) -> None:
    """Write the page, whole or not at all.

    Args:
        path: The file; pages of stages are linked where they lie below its folder.
        folder: A finished chain.
        command: Command line that made the page.

    Raises:
        InputError: If it is no finished chain.
    """
    if not (folder / STAGES).is_file():
        raise InputError(f"{folder / STAGES}: is not there; give the folder of a finished chain (stages=…).")
    table = read_metrics(folder / STAGES, "stage")
    stages = table["stage"].tolist()
    pages = [folder.resolve() / stage / "report.html" for stage in stages]
    here = path.resolve().parent
    facts = RunsFacts(
        title=folder.resolve().name,
        command=command,
        answers=_spread(table),
        table=table,
        table_title="Stages",
        links=[
            page.relative_to(here).as_posix() if page.is_relative_to(here) and page.is_file() else "" for page in pages
        ],
        histories=histories_below(folder),
        curves=CURVES,
    )
    write_runs_page(path, facts)


def histories_below(folder: Path) -> dict[str, pd.DataFrame]:
    """Return metrics.csv of every single training below a chain, by its folder."""
    files = sorted({*folder.glob("stages/*/metrics.csv"), *folder.glob("stages/*/stages/*/metrics.csv")})
    single = [file for file in files if not (file.parent / "stages").is_dir()]
    return {str(file.parent.relative_to(folder)): read_metrics(file) for file in single}


def _spread(table: pd.DataFrame) -> list[str]:
    """Return in words the score of all held-out images, and mean and spread of the stages."""
    stages, overall = table.iloc[:-1], table.iloc[-1]
    sentences = []
    for name in (name for name in _COLUMNS if name in table and table[name].notna().any()):
        values = stages[name].dropna()
        text = f"{name}: {overall[name]:.4f} on all held-out images"
        if len(values) > 1:
            text += f"; the {len(values)} stages {values.mean():.4f} ± {values.std():.4f}"
            text += f" ({values.min():.4f} to {values.max():.4f})"
        sentences.append(f"{text}.")
    return sentences
