"""The wheel of this package: built from the checkout, or packed again from the installed files."""

from __future__ import annotations

import csv
import io
import shutil
import zipfile
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from hpa.bundle.notebook_image import OWN_PACKAGE
from hpa.bundle.pip import run_pip
from hpa.core.errors import InputError

SOURCE_PARTS = (
    *("pyproject.toml", "README.md", "LICENSE", "train.py", "infer.py"),
    *("hpa", "hydra_plugins", "conf", "experiments"),
)
"""What the wheel of this package is made of."""
_OF_INSTALLATION = ("INSTALLER", "REQUESTED", "RECORD", "direct_url.json", "uv_cache.json")
"""Files that an installer writes beside those of a wheel."""


def own_wheel(root: Path, made: Path) -> Path:
    """Write the wheel of this package to a folder and return its path.

    Args:
        root: The project's folder: a checkout, or the one inside an installed package.
        made: Folder to write to.

    Raises:
        InputError: If `root` is no checkout and the package was not installed from a wheel.
    """
    missing = [part for part in SOURCE_PARTS if not (root / part).exists()]
    if not missing:
        return _built(root, made)
    try:
        installed = distribution(OWN_PACKAGE)
    except PackageNotFoundError:
        installed = None
    if installed is None or not (Path(str(installed.locate_file("hpa"))) / "project" / "conf").is_dir():
        raise InputError(
            f"{root}: a checkout of the project was expected, {', '.join(missing)} is missing; run hpa bundle from the "
            "environment of a checkout ('pip install -e .') or of an installed wheel, or set HPA_ROOT to a checkout."
        )
    return _packed(installed, made)


def _built(root: Path, made: Path) -> Path:
    """Build from a copy, because a build leaves files beside its source."""
    copy = made / "source"
    copy.mkdir()
    for part in SOURCE_PARTS:
        if (root / part).is_dir():
            shutil.copytree(root / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(root / part, copy / part)
    run_pip(["wheel", "--no-deps", "--wheel-dir", str(made), str(copy)], f"the wheel of {OWN_PACKAGE}")
    return next(made.glob(f"{OWN_PACKAGE.replace('-', '_')}-*.whl"))


def _packed(installed: Distribution, made: Path) -> Path:
    """Write the installed files as the wheel that they came from."""
    files = [
        file
        for file in installed.files or []
        if file.parts[0] != ".." and "__pycache__" not in file.parts and file.name not in _OF_INSTALLATION
    ]
    stem = f"{OWN_PACKAGE.replace('-', '_')}-{installed.version}"
    record = io.StringIO()
    rows = csv.writer(record, lineterminator="\n")
    path = made / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(str(file.locate()), str(file))
            rows.writerow([file, "" if file.hash is None else f"{file.hash.mode}={file.hash.value}", file.size])
        rows.writerow([f"{stem}.dist-info/RECORD", "", ""])
        archive.writestr(f"{stem}.dist-info/RECORD", record.getvalue())
    return path
