"""Collects the wheels that a notebook's image lacks, in versions that fit those it has, and lists their requirements.

The packages of the image are shown to pip as empty wheels without requirements. So they are neither fetched nor
changed, what only they need is left out, and every other package is chosen to fit their versions. The notebook installs
by the list alone (`--no-deps`): a requirement that the image's own packages lack must not stop the submission.
"""

from __future__ import annotations

import sys
import tempfile
import zipfile
from collections.abc import Mapping
from email.parser import Parser
from importlib.metadata import version
from pathlib import Path

from hpa.bundle.notebook_image import NotebookImage, needed_packages
from hpa.bundle.own_wheel import own_wheel
from hpa.bundle.pip import NoWheelError, interpreter_of, run_pip
from hpa.core.errors import InputError
from hpa.core.zip_members import DAMAGE

SOURCE_ONLY = "antlr4-python3-runtime"
"""omegaconf and hydra need a release of it that was published as source alone; it is pure Python."""
_IN_IMAGE = "+image"
"""Local part of the version of an empty wheel, so that no published wheel can be taken for it."""


def collect_wheels(root: Path, image: NotebookImage, folder: Path) -> list[str]:
    """Write the wheels to a folder, and return notes for the user.

    Args:
        root: The project's folder.
        image: Machine to collect for.
        folder: New folder for the wheels.

    Raises:
        InputError: If the package comes from elsewhere than a checkout or a wheel, or the registry cannot be reached.
        NoWheelError: If a wheel is missing or versions exclude each other, naming them.
    """
    with tempfile.TemporaryDirectory() as name:
        made = Path(name)
        own = own_wheel(root, made)
        if SOURCE_ONLY not in image.packages:
            _pure_wheel(SOURCE_ONLY, made)
        empty = {_empty_wheel(package, release, made) for package, release in image.packages.items()}
        notes = _download(own, image, made, folder)
    for file in folder.iterdir():
        if file.name in empty:
            file.unlink()
    write_requirements(folder)
    return notes


def _pure_wheel(package: str, made: Path) -> None:
    """Build the wheel of a package that is published as source; it must run on every machine."""
    wanted = f"{package}=={version(package)}"
    run_pip(["wheel", "--no-deps", "--wheel-dir", str(made), wanted], f"the wheel of {package}")
    if not list(made.glob(f"{package.replace('-', '_')}-*-none-any.whl")):
        raise NoWheelError(f"the wheel of {wanted} runs on this machine only; name the package in --have.")


def _empty_wheel(package: str, release: str, made: Path) -> str:
    """Write a wheel that holds nothing and needs nothing, and return its name."""
    stem = f"{package.replace('-', '_')}-{release}{_IN_IMAGE}"
    metadata = f"Metadata-Version: 2.1\nName: {package}\nVersion: {release}{_IN_IMAGE}\n"
    wheel = "Wheel-Version: 1.0\nGenerator: hpa\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    path = made / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {"METADATA": metadata, "WHEEL": wheel, "RECORD": ""}.items():
            archive.writestr(f"{stem}.dist-info/{name}", text)
    return path.name


def _download(own: Path, image: NotebookImage, made: Path, folder: Path) -> list[str]:
    """Fetch the wheels, in the versions installed here if those fit the image, else in the newest that do."""
    in_image = {package: f"{release}{_IN_IMAGE}" for package, release in image.packages.items()}
    here = {package: release for package, release in needed_packages().items() if package not in in_image}
    interpreter = interpreter_of(image.python)
    words = ["download", "--dest", str(folder), "--find-links", str(made), "--only-binary=:all:"]
    words += ["--implementation=cp", f"--python-version={image.python}"]
    words += [f"--platform={platform}" for platform in image.platforms]
    notes = []
    if interpreter is None:
        notes.append(
            f"Python {image.python} is not installed here: what a package needs on some versions of Python only was "
            f"decided for {sys.version_info.major}.{sys.version_info.minor}; the notebook reports missing packages"
        )
    try:
        _fetch(words, in_image | here, own, interpreter)
    except NoWheelError:
        _fetch(words, in_image, own, interpreter)
        notes.append("the versions installed here do not all fit the image: others were taken; they are in wheels/")
    return notes


def _fetch(words: list[str], constraints: Mapping[str, str], own: Path, interpreter: str | None) -> None:
    file = own.with_name("constraints.txt")
    file.write_text("".join(f"{package}=={release}\n" for package, release in constraints.items()), encoding="utf-8")
    chosen = None if interpreter == sys.executable else interpreter
    run_pip([*words, "--constraint", str(file), str(own)], "wheels", chosen)


REQUIREMENTS = "requirements.txt"


def write_requirements(wheels: Path) -> None:
    """Write a list of the bundled packages and their requirements, beside the wheels.

    Conditions ("; python_version < …") are kept: the pip of the notebook evaluates them.

    Raises:
        InputError: If a wheel is damaged.
    """
    lines: set[str] = set()
    for wheel in wheels.glob("*.whl"):
        name, needs = _metadata_of(wheel)
        lines |= {name, *(need for need in needs if "extra ==" not in need)}
    (wheels / REQUIREMENTS).write_text("".join(f"{line}\n" for line in sorted(lines)), encoding="utf-8")


def _metadata_of(wheel: Path) -> tuple[str, list[str]]:
    """Return the name of a wheel's package and its requirements."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            inside = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
            message = Parser().parsestr(archive.read(inside).decode("utf-8"))
    except (OSError, StopIteration, *DAMAGE) as error:
        raise InputError(f"{wheel}: cannot be read as a wheel ({error}); delete it and repeat the command.") from error
    return message["Name"], message.get_all("Requires-Dist") or []
