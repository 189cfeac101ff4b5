"""The settings of inference in a bundle: resolved, with a copy of every file they name, ready for another folder."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hpa.bundle.checkpoints import lean_checkpoint
from hpa.core.errors import InputError

BESIDE_PROJECT = "${oc.env:HPA_ROOT}/../"
"""Prefix of a file of the bundle, wherever that lies: `infer.py` knows its own folder as HPA_ROOT."""
_BEST = Path("checkpoints") / "best.ckpt"
_NAMES_OF_PATHS = ("weights", "folder", "file", "path", "run")
"""Ends of the names of arguments that take a path; a plain word is a path under such a name alone."""


class CarriedFiles:
    """Copies files into a bundle, each once, however often it is named.

    Args:
        bundle: Folder of the bundle.
        folder: Where in it the copies go, e.g. `weights/parts`.
    """

    def __init__(self, bundle: Path, folder: str) -> None:
        self._bundle = bundle
        self._folder = folder
        self._copy_of: dict[Path, Path] = {}

    def carry(self, settings: Any, name: str) -> Any:
        """Return settings in which every file is the bundle's own copy; a run folder goes as its best checkpoint.

        Args:
            settings: Plain types.
            name: Their name on a command line, e.g. `segmenter`.

        Raises:
            InputError: If a folder that is no run is named: its files belong to images that the notebook does not have.
        """
        if isinstance(settings, Mapping):
            return {key: self.carry(value, f"{name}.{key}") for key, value in settings.items()}
        if isinstance(settings, list):
            return [self.carry(value, f"{name}.{index}") for index, value in enumerate(settings)]
        if not isinstance(settings, str) or not _is_path(settings, name):
            return settings
        path = Path(settings).expanduser().resolve()
        if path not in self._copy_of:
            self._copy_of[path] = self._copy(path, name)
        return BESIDE_PROJECT + self._copy_of[path].as_posix()

    def _copy(self, path: Path, name: str) -> Path:
        """Copy a file or a run, and return its path in the bundle."""
        is_run = (path / _BEST).is_file()
        if path.is_dir() and not is_run:
            raise InputError(
                f"{name}={path}: a folder cannot be bundled, its files belong to images that the notebook does not "
                "have; choose a part that needs none, e.g. segmenter=watershed."
            )
        suffix = _BEST.suffix if is_run else path.suffix
        target = Path(self._folder) / (name.replace(".", "_") + suffix)
        (self._bundle / target).parent.mkdir(parents=True, exist_ok=True)
        if is_run:
            lean_checkpoint(path, self._bundle / target)
        else:
            shutil.copyfile(path, self._bundle / target)
        return target


def _is_path(text: str, name: str) -> bool:
    """Return whether a value names something on disk, and is no plain word that a file here happens to be called."""
    looks_like_one = "/" in text or bool(Path(text).suffix) or name.endswith(_NAMES_OF_PATHS)
    return looks_like_one and Path(text).expanduser().exists()


MISSING = "???"
"""Value of a config that the command line must give."""
PARTS_FOLDER = "weights/parts"
_SET_IN_NOTEBOOK = {"ckpt", "data", "out"}
_TRAINING_ONLY = ("cell_truth", "metadata")
LEFT_OUT = frozenset(f"data.{name}" for name in ("root", *_TRAINING_ONLY))
"""What a bundle leaves open of the data of the training."""
_HEADER = "# Written by hpa bundle: python infer.py --config-name bundle data.root=DIR. Values can be overridden.\n"


def bundled_settings(composed: dict[str, Any], trained: dict[str, Any], run_names: list[str], bundle: Path) -> Any:
    """Return the config of inference for the notebook, and copy the files it names into the bundle.

    Args:
        composed: Config of infer.py, resolved; what is null comes from the run, as in infer.py.
        trained: Config of the first run.
        run_names: Folders of the runs in `weights/`.
        bundle: Folder of the bundle.

    Raises:
        InputError: If a value is missing, a folder cannot be bundled, or the data set is not read from a folder.
    """
    settings = composed | {
        "segmenter": composed.get("segmenter") or trained.get("segmenter"),
        "ckpt": [f"{BESIDE_PROJECT}weights/{name}" for name in run_names],
        "data": _data_of(composed.get("data") or trained["data"]),
        "out": "submission.csv",
    }
    files = CarriedFiles(bundle, PARTS_FOLDER)
    carried = {key: value if key in _SET_IN_NOTEBOOK else files.carry(value, key) for key, value in settings.items()}
    missing = sorted(set(_missing(carried)) - {"data.root"})
    if missing:
        raise InputError(f"{', '.join(missing)}: a value is needed; write {missing[0]}=… after the options.")
    return carried


def reads_a_folder(data: dict[str, Any] | None) -> bool:
    """Return whether a data set is read from a folder, which the notebook can name."""
    return data is not None and "root" in data


def settings_text(yaml: str) -> str:
    """Return the file of the settings: the resolved values, and the settings of hydra in infer.py."""
    hydra = "hydra:\n  output_subdir: null\n  run: {dir: .}\n  job: {chdir: false, name: infer}\n"
    no_logs = "defaults:\n- _self_\n- override hydra/job_logging: none\n- override hydra/hydra_logging: none\n"
    return f"{_HEADER}{no_logs}{yaml}{hydra}"


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
