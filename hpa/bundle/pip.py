"""Runs pip, and explains why it failed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence

from hpa.core.errors import InputError

_RETRIES = "2"
_UNREACHABLE = "after connection broken by"
_NO_PIP = "No module named pip"
_CONFLICT = "ResolutionImpossible"
_MISSING = r"No matching distribution found for (.+?)(?: \(from|$)"


class NoWheelError(InputError):
    """The registry answers, but has no set of wheels that fits the request."""


def run_pip(words: Sequence[str], purpose: str, interpreter: str | None = None) -> None:
    """Run pip to its end.

    Args:
        words: The command and its options.
        purpose: What for, e.g. "the wheel of hpa", for the message.
        interpreter: Python whose environment markers count; None means this one.

    Raises:
        InputError: If pip is not there, or no registry can be reached.
        NoWheelError: If packages are missing or exclude each other, naming them.
    """
    python = [] if interpreter is None else ["--python", interpreter]
    command = [sys.executable, "-m", "pip", *python, *words]
    # As variables, because the pip that fetches what a build needs takes no options from here.
    settings = os.environ | {"PIP_RETRIES": _RETRIES, "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=settings)
    if _NO_PIP in done.stderr:
        raise InputError("pip is needed to collect wheels and this environment has none; run 'python -m ensurepip'.")
    if done.returncode:
        raise _explained(done.stdout + done.stderr, purpose)


def interpreter_of(python: str) -> str | None:
    """Return the program of a Python version, None where it is not installed.

    >>> interpreter_of("3.99") is None
    True
    """
    if python == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    program = shutil.which(f"python{python}")
    # A name on the path may be a shim for a version that is not installed: it is run.
    works = program is not None and subprocess.run([program, "-c", ""], capture_output=True).returncode == 0
    return program if works else None


def _explained(output: str, purpose: str) -> InputError:
    """Return the error that explains pip's output."""
    if _CONFLICT in output:
        block = output.partition("The conflict is caused by:")[2].partition("To fix this")[0]
        reasons = "; ".join(
            line.strip().replace("+image", " in the image") for line in block.splitlines() if line.strip()
        )
        return NoWheelError(f"{purpose}: these packages exclude each other: {reasons}. Check the versions in --have.")
    missing = sorted(set(re.findall(_MISSING, output, re.MULTILINE)))
    if _UNREACHABLE in output:
        first = f" ({', '.join(missing)})" if missing else ""
        return InputError(
            f"{purpose}: the package registry could not be reached{first}. Wheels are collected where there is "
            "internet; connect, or check pip's own settings with 'pip config list', then run the same command again."
        )
    if missing:
        return NoWheelError(
            f"{purpose}: the registry has no wheel of {', '.join(missing)} for this Python and platform; check "
            "--python and --platform, or name the package in --have if the notebook's image has it."
        )
    lines = [line for line in output.splitlines() if line.startswith("ERROR:")] or output.splitlines()[-3:]
    return NoWheelError(f"{purpose}: pip failed: {' '.join(line.strip() for line in lines)}")
