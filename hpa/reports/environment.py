"""What the run ran on: the versions a reader needs to run it again."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from hpa import __version__

PACKAGES = (
    "torch",
    "torchvision",
    "pytorch-lightning",
    "timm",
    "hydra-core",
    "albumentations",
    "numpy",
    "pandas",
)


def environment(seed: int | None, commit: str | None) -> list[tuple[str, str]]:
    """Return names and values: seed and commit where they are known, Python, the system, and the packages installed."""
    known = [("seed", seed), ("commit", commit)]
    facts = [(name, str(value)) for name, value in known if value is not None]
    facts += [
        ("Python", platform.python_version()),
        ("system", f"{platform.system()} {platform.machine()}"),
        ("hpa", __version__),
    ]
    for package in PACKAGES:
        try:
            facts.append((package, version(package)))
        except PackageNotFoundError:
            continue
    return facts
