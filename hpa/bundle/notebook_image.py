"""The notebook's machine: its Python, its platform, and the installed packages, which need no wheel."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from hpa.core.errors import InputError
from hpa.core.nearest import did_you_mean

OWN_PACKAGE = "hpa-cells"
"""Name of the distribution that brings `hpa`."""
USUAL_PACKAGES = (
    "torch,torchvision,numpy,scipy,pandas,pyarrow,pillow,scikit-image,opencv-python-headless,wandb,tqdm,jinja2,requests"
)
"""The large packages that images for GPU notebooks have in common; small ones cost little to bundle."""
_OLDEST_GLIBC = 5
"""manylinux1 means glibc 2.5; no wheel is older."""
_NAMED_PLATFORMS = ("manylinux2014", "manylinux2010", "manylinux1")


@dataclass(frozen=True)
class NotebookImage:
    """The machine that a bundle is made for.

    Attributes:
        python: Its Python, e.g. `3.12`.
        platform: Its newest wheel platform, e.g. `manylinux_2_28_x86_64`: glibc 2.28 or later on a PC processor.
        packages: Version of each package that it has, by normalised name.

    Raises:
        InputError: If Python or platform are not of that form.
    """

    python: str
    platform: str
    packages: Mapping[str, str]

    def __post_init__(self) -> None:
        """Check the format."""
        if not re.fullmatch(r"3\.\d+", self.python):
            raise InputError(
                f"--python {self.python}: expected two numbers such as 3.11; 'python --version' prints them."
            )
        if not re.fullmatch(r"manylinux_2_\d+_(x86_64|aarch64)", self.platform):
            raise InputError(
                f"--platform {self.platform}: expected e.g. manylinux_2_28_x86_64, where 2_28 is the version of glibc "
                "('ldd --version' in the notebook prints it) and x86_64 the processor (or aarch64)."
            )

    @property
    def platforms(self) -> list[str]:
        """List every platform whose wheels run there, the newest first."""
        glibc, processor = re.findall(r"manylinux_2_(\d+)_(.+)", self.platform)[0]
        numbered = [f"manylinux_2_{minor}_{processor}" for minor in range(int(glibc), _OLDEST_GLIBC - 1, -1)]
        return [*numbered, *(f"{name}_{processor}" for name in _NAMED_PLATFORMS)]


def packages_of(words: str) -> dict[str, str]:
    """Return the version of each package that `--have` names.

    Args:
        words: Names with commas, each alone or as `name==version`; or a file as `pip freeze` writes it. A name alone
            stands for the version that is installed here.

    Raises:
        InputError: If a name is no package that this project needs.
    """
    file = Path(words)
    if words and "," not in words and file.is_file():  # too long to be a file name
        return _frozen(file)
    known = needed_packages()
    packages = {}
    for word in filter(None, (part.strip() for part in words.split(","))):
        name, _, release = word.partition("==")
        name = normalised(name)
        if name not in known:
            remedy = did_you_mean(name, list(known), f"needed are e.g. {USUAL_PACKAGES}.")
            raise InputError(f"--have {word}: this is no package that hpa needs, nor a file of 'pip freeze'; {remedy}")
        packages[name] = _public(release) or known[name]
    return packages


def needed_packages() -> dict[str, str]:
    """Return the installed version of every package that hpa needs, directly or through others, without hpa itself."""
    found: dict[str, str] = {}
    waiting = [OWN_PACKAGE]
    while waiting:
        name = normalised(waiting.pop())
        if name in found:
            continue
        try:
            found[name] = _public(version(name))
        except PackageNotFoundError:  # needed elsewhere only: on another platform, or by an older Python
            continue
        mandatory = [text for text in requires(name) or [] if "extra ==" not in text]
        waiting += [re.split(r"[^A-Za-z0-9._-]", text, maxsplit=1)[0] for text in mandatory]
    del found[OWN_PACKAGE]
    return found


def normalised(name: str) -> str:
    """Return the one spelling of a package's name.

    >>> normalised("PyYAML"), normalised("lazy_loader")
    ('pyyaml', 'lazy-loader')
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def _frozen(file: Path) -> dict[str, str]:
    """Return what a file of `pip freeze` names; a package from a file or an address is taken as the version here."""
    here = needed_packages()
    packages = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        match = re.match(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:==\s*(\S+)|@\s)", line)
        name = normalised(match[1]) if match else ""
        release = _public(match[2] or "") if match else ""
        if release or name in here:
            packages[name] = release or here[name]
    if not packages:
        raise InputError(f"--have {file}: no line reads NAME==VERSION; write the file with 'pip freeze' there.")
    packages.pop(OWN_PACKAGE, None)
    return packages


def _public(release: str) -> str:
    """Return a version without what follows a plus, e.g. the CUDA build."""
    return release.partition("+")[0].strip()
