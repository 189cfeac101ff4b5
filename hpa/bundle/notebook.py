"""The notebook of a bundle, in nbformat 4.5; its code runs before this package is installed and needs Python alone."""

from __future__ import annotations

import json
from typing import Any

TITLE = """# Submission without internet

Attach two inputs: this bundle as a data set, and the competition. Switch the internet off, choose a GPU, run all
cells. `submission.csv` lies in the output folder at the end. The data set's `README.md` lists the steps.
"""
PLACES = """import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

INPUT = Path(os.environ.get("HPA_INPUT", "/kaggle/input"))  # folder of the attached inputs


def folder_with(name: str) -> Path:
    found = sorted({file.parent for depth in ("", "*/", "*/*/", "*/*/*/") for file in INPUT.glob(depth + name)})
    if len(found) != 1:
        seen = ", ".join(map(str, found)) or "none"
        raise RuntimeError(f"One folder with {name} is expected under {INPUT}; found: {seen}. Attach it.")
    return found[0]


def run(*words: object, **more: str) -> int:
    \"\"\"Run a program, print its output while it runs, return its exit code.\"\"\"
    command = [sys.executable, *map(str, words)]
    offline = {"HF_HUB_OFFLINE": "1", "WANDB_MODE": "disabled", "NO_ALBUMENTATIONS_UPDATE": "1"}
    pipe, both = subprocess.PIPE, subprocess.STDOUT
    with subprocess.Popen(command, stdout=pipe, stderr=both, text=True, env=os.environ | offline | more) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
    return process.returncode


BUNDLE = folder_with("hpa_bundle.json")
FIELDS = folder_with("sample_submission.csv")
print("bundle", BUNDLE, "\\nfields", FIELDS)
"""
CHECK = """manifest = json.loads((BUNDLE / "hpa_bundle.json").read_text())
python = f"{sys.version_info.major}.{sys.version_info.minor}"
if python != manifest["python"]:
    raise RuntimeError(f"This bundle is for Python {manifest['python']}; make one with: hpa bundle --python {python}")
for name, file in manifest["files"].items():
    path = BUNDLE / name
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != file["sha256"]:
        raise RuntimeError(f"{path} is missing or differs from what was bundled; upload the bundle again.")
print(len(manifest["files"]), "files have the bundled content")
"""
INSTALL = """wheels = BUNDLE / "wheels"
given = ("--no-index", "--find-links", wheels, "--requirement", wheels / "requirements.txt")
# --no-deps: the list is complete, and what only the image's own packages lack does not matter.
if run("-m", "pip", "install", "--quiet", "--no-deps", *given):
    raise RuntimeError("The image lacks what pip names above; write 'pip freeze' of this notebook to a file, and make "
                       "the bundle again with: hpa bundle --have FILE")
print("installed from", wheels)
"""
INFER = """project = BUNDLE / "project"
code = run(project / "infer.py", "--config-name", "bundle", f"data.root='{FIELDS}'", HPA_ROOT=str(project))
if code not in (0, 3):  # 3: written, but some images could not be read; their rows are blank
    raise RuntimeError(f"infer.py ended with exit code {code}; its output is above.")
"""
LINT = """call = "import sys; from hpa.cli import main; sys.exit(main())"
if run("-c", call, "lint", "submission.csv", "--sample", FIELDS / "sample_submission.csv"):
    raise RuntimeError("submission.csv does not fit the competition's sample; the reasons are above.")
"""
CODE = {"places": PLACES, "check": CHECK, "install": INSTALL, "infer": INFER, "lint": LINT}


def notebook_text() -> str:
    """Return the notebook's JSON."""
    cells = [{"cell_type": "markdown", "id": "title", "metadata": {}, "source": _lines(TITLE)}]
    cells += [_code_cell(name, source) for name, source in CODE.items()]
    content = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(content, indent=1) + "\n"


def _code_cell(name: str, source: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": name,
        "metadata": {},
        "outputs": [],
        "source": _lines(source),
    }


def _lines(text: str) -> list[str]:
    """Return the lines as a notebook holds them: each but the last with its end."""
    return text.rstrip("\n").splitlines(keepends=True)
