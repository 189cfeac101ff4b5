"""Which software made a run: the commit of the code, and the versions of what its results depend on."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

from hpa import __version__

PACKAGES: tuple[str, ...] = ("torch", "pytorch-lightning", "timm", "numpy", "albumentations", "scikit-image")


def commit() -> str | None:
    """Return the commit of the code, with a + where files were changed; None outside a checkout."""
    here = Path(__file__).parent
    try:
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=True)
        changed = subprocess.run(["git", "status", "--porcelain", "-uno"], cwd=here, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "")


def versions() -> dict[str, str]:
    """Return the versions of Python, this package and what results depend on."""
    return {"python": platform.python_version(), "hpa": __version__} | {name: version(name) for name in PACKAGES}
