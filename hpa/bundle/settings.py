"""The settings of inference as a bundle carries them: resolved, free of other files, ready for another folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hpa.bundle.carried import BESIDE_PROJECT, CarriedFiles
from hpa.core.errors import InputError

MISSING = "???"
"""What a config holds where the command line must give a value."""
PARTS_FOLDER = "weights/parts"
_ASKED_IN_NOTEBOOK = {"ckpt", "data", "out"}
_TRAINING_ONLY = ("cell_truth", "metadata")
_HEADER = "# Written by hpa bundle: python infer.py --config-name bundle data.root=DIR. Values can be overridden.\n"


def bundled_settings(composed: dict[str, Any], trained: dict[str, Any], run_names: list[str], bundle: Path) -> Any:
    """Return the config of inference for the notebook, and copy the files it names into the bundle.

    Args:
        composed: Config of infer.py, resolved; what is null comes from the run, as in infer.py.
        trained: Config of the first run.
        run_names: Folders of the runs in `weights/`.
        bundle: Folder of the bundle.

    Raises:
        InputError: If a value is missing, a folder cannot go along, or the data set is not read from a folder.
    """
    settings = composed | {
        "segmenter": composed.get("segmenter") or trained.get("segmenter"),
        "ckpt": [f"{BESIDE_PROJECT}weights/{name}" for name in run_names],
        "data": _data_of(composed.get("data") or trained["data"]),
        "out": "submission.csv",
    }
    files = CarriedFiles(bundle, PARTS_FOLDER)
    carried = {key: value if key in _ASKED_IN_NOTEBOOK else files.carry(value, key) for key, value in settings.items()}
    missing = sorted(set(_missing(carried)) - {"data.root"})
    if missing:
        raise InputError(f"{', '.join(missing)}: a value is needed; write {missing[0]}=… after the options.")
    return carried


def reads_a_folder(data: dict[str, Any] | None) -> bool:
    """Tell whether a data set lies in a folder that the notebook can name."""
    return data is not None and "root" in data


def settings_text(yaml: str) -> str:
    """Return the file of the settings: the resolved values, and what infer.py says to hydra."""
    hydra = "hydra:\n  output_subdir: null\n  run: {dir: .}\n  job: {chdir: false, name: infer}\n"
    silent = "defaults:\n- _self_\n- override hydra/job_logging: none\n- override hydra/hydra_logging: none\n"
    return f"{_HEADER}{silent}{yaml}{hydra}"


def _data_of(data: dict[str, Any]) -> dict[str, Any]:
    """Return the data set with its folder left open, and without the tables of training."""
    if not reads_a_folder(data):
        raise InputError(
            f"data ({data.get('_target_', 'no part')}) has no folder to read in a notebook; write data=kaggle_hpa."
        )
    return data | {"root": MISSING} | {key: None for key in _TRAINING_ONLY if key in data}


def _missing(settings: Any, name: str = "") -> list[str]:
    """Return the dotted names of values that are missing."""
    if isinstance(settings, dict):
        return [found for key, value in settings.items() for found in _missing(value, f"{name}.{key}".lstrip("."))]
    return [name] if settings == MISSING else []
