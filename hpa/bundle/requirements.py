"""What the wheels of a bundle need, as a file for pip.

The notebook installs by this list without looking further (`--no-deps`): the image's own packages may lack something
that only they ask for, which is none of our business and must not stop the submission.
"""

from __future__ import annotations

import zipfile
from email.parser import Parser
from pathlib import Path

REQUIREMENTS = "requirements.txt"


def write_requirements(wheels: Path) -> None:
    """Write a list of the bundled packages, and of what each of them asks of others, beside the wheels.

    Conditions ("; python_version < …") are kept: the pip of the notebook judges them.
    """
    lines: set[str] = set()
    for wheel in wheels.glob("*.whl"):
        name, needs = _metadata_of(wheel)
        lines |= {name, *(need for need in needs if "extra ==" not in need)}
    (wheels / REQUIREMENTS).write_text("".join(f"{line}\n" for line in sorted(lines)), encoding="utf-8")


def _metadata_of(wheel: Path) -> tuple[str, list[str]]:
    """Return the name of a wheel's package and its requirements."""
    with zipfile.ZipFile(wheel) as archive:
        inside = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        message = Parser().parsestr(archive.read(inside).decode("utf-8"))
    return message["Name"], message.get_all("Requires-Dist") or []
