"""A machine like that of a notebook service: a fresh environment, some packages, no network, and a plain runner."""

import json
import os
import re
import subprocess
import sys
import venv
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from hpa.bundle.notebook_image import normalised

NO_NETWORK = """
import socket

def refuse(*words, **more):
    with open({attempts!r}, "a") as file:
        print(words, file=file)
    raise OSError("this machine has no network")

inside = socket.socket.connect

def connect(self, address):
    return inside(self, address) if self.family == socket.AF_UNIX else refuse(address)

socket.socket.connect = connect
socket.socket.connect_ex = refuse
socket.getaddrinfo = refuse
socket.gethostbyname = refuse
"""
RUNNER = """
import json, sys
names = {"__name__": "__main__"}
for cell in json.load(open(sys.argv[1]))["cells"]:
    if cell["cell_type"] == "code":
        exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
"""


class OfflineMachine:
    """An environment that sees some packages of this one, with what they need, and nothing else.

    They are links in a folder outside the environment, so pip finds them installed and cannot change them.
    """

    def __init__(self, folder: Path, packages: list[str]) -> None:
        self.folder = folder
        self.attempts = folder / "attempts.txt"
        venv.create(folder / "env")  # pip is linked: installing it takes longer than the rest
        self.python = folder / "env" / "bin" / "python"
        image = folder / "image"
        image.mkdir()
        self.seen = with_needs([*packages, "pip"])
        for name in self.seen:
            link(name, image)
        site = next((folder / "env" / "lib").glob("python3.*")) / "site-packages"
        (site / "image.pth").write_text(f"{image}\n")
        (site / "no_network.py").write_text(NO_NETWORK.format(attempts=str(self.attempts)))
        (site / "no_network.pth").write_text("import no_network\n")

    def run(self, *words: str | Path, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
        """Run the environment's Python, with none of this machine's settings."""
        plain = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "OMP_NUM_THREADS": "1"}
        plain |= {"PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **more}
        command = [self.python, *words]
        return subprocess.run(command, cwd=cwd, env=plain, capture_output=True, text=True)

    def run_notebook(self, notebook: Path, inputs: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run the code cells of a notebook, one after the other, in one process."""
        return self.run("-c", RUNNER, notebook, cwd=cwd, HPA_INPUT=str(inputs))

    def installed(self) -> dict[str, str]:
        """Return where each package lies, by its normalised name."""
        done = self.run("-m", "pip", "list", "--format=json", "--verbose", cwd=self.folder)
        return {normalised(package["name"]): package["location"] for package in json.loads(done.stdout)}


def with_needs(packages: list[str]) -> list[str]:
    """Return the packages and all that they need, as far as they are installed here."""
    found: list[str] = []
    waiting = list(packages)
    while waiting:
        name = normalised(waiting.pop())
        try:
            needs = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        if name not in found:
            found.append(name)
            waiting += [re.match(r"[\w.-]+", text)[0] for text in needs if "extra ==" not in text]
    return found


def link(package: str, folder: Path) -> None:
    """Link the files of an installed package, by their topmost folder."""
    files = distribution(package).files or []
    for top in {file.parts[0] for file in files} - {"..", "__pycache__"}:
        if not (folder / top).exists():
            (folder / top).symlink_to(Path(str(distribution(package).locate_file(top))))


def here() -> str:
    """Return this Python's version as --python takes it."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"
