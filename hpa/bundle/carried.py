"""Files that settings name, copied into a bundle, and named there."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hpa.bundle.checkpoints import lean_checkpoint
from hpa.core.errors import InputError

BESIDE_PROJECT = "${oc.env:HPA_ROOT}/../"
"""How settings name a file of the bundle, wherever that lies: `infer.py` knows its own folder as HPA_ROOT."""
_BEST = Path("checkpoints") / "best.ckpt"
_NAMES_OF_PATHS = ("weights", "folder", "file", "path", "run")
"""How constructor arguments that take a path are called here; a plain word is a path under such a name alone."""


class CarriedFiles:
    """Copies files into a bundle, each once, however often it is named.

    Args:
        bundle: Folder of the bundle.
        folder: Where in it the copies go, e.g. `weights/parts`.
    """

    def __init__(self, bundle: Path, folder: str) -> None:
        self._bundle = bundle
        self._folder = folder
        self._place_of: dict[Path, Path] = {}

    def carry(self, settings: Any, name: str) -> Any:
        """Return settings in which every file is the bundle's own copy; a run folder goes as its best checkpoint.

        Args:
            settings: Plain types.
            name: What they are called on a command line, e.g. `segmenter`.

        Raises:
            InputError: If a folder that is no run is named: the images of the competition are not known here.
        """
        if isinstance(settings, Mapping):
            return {key: self.carry(value, f"{name}.{key}") for key, value in settings.items()}
        if isinstance(settings, list):
            return [self.carry(value, f"{name}.{index}") for index, value in enumerate(settings)]
        if not isinstance(settings, str) or not _is_path(settings, name):
            return settings
        path = Path(settings).expanduser().resolve()
        if path not in self._place_of:
            self._place_of[path] = self._copy(path, name)
        return BESIDE_PROJECT + self._place_of[path].as_posix()

    def _copy(self, path: Path, name: str) -> Path:
        """Copy a file or a run, and return its place in the bundle."""
        is_run = (path / _BEST).is_file()
        if path.is_dir() and not is_run:
            raise InputError(
                f"{name}={path}: a folder cannot go along, its files belong to images seen here; choose a part that "
                "needs none, e.g. segmenter=watershed."
            )
        suffix = _BEST.suffix if is_run else path.suffix
        place = Path(self._folder) / (name.replace(".", "_") + suffix)
        (self._bundle / place).parent.mkdir(parents=True, exist_ok=True)
        if is_run:
            lean_checkpoint(path, self._bundle / place)
        else:
            shutil.copyfile(path, self._bundle / place)
        return place


def _is_path(text: str, name: str) -> bool:
    """Tell whether a value names something on disk, and is not a plain word that a file here is called by too."""
    looks_like_one = "/" in text or bool(Path(text).suffix) or name.endswith(_NAMES_OF_PATHS)
    return looks_like_one and Path(text).expanduser().exists()
