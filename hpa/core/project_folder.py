"""Where `conf/` and `experiments/` lie: in the checkout, or inside the package where that was installed without one."""

from __future__ import annotations

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
_INSTALLED = _PACKAGE / "project"
"""Where the wheel carries `conf/`, `experiments/`, `train.py` and `infer.py`; a checkout has no such folder."""


def project_folder() -> Path:
    """Return the folder with `conf/` and `experiments/`.

    That is `$HPA_ROOT` where it is set, else the folder inside the installed package, else the checkout.
    """
    given = os.environ.get("HPA_ROOT")
    if given:
        return Path(given).resolve()
    return _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent


def with_commands(text: str) -> str:
    """Return a text for the user that names the commands which are there.

    `python train.py` is `hpa train` where the package was installed without its checkout, and so is `infer.py`.
    """
    if not _INSTALLED.is_dir():
        return text
    return text.replace("python train.py", "hpa train").replace("python infer.py", "hpa infer")
