"""Traces of faults: the frames of a user's own code and of this program, without those of the frameworks between."""

from __future__ import annotations

import itertools
import os
import traceback
from pathlib import Path

_FRAMEWORKS = frozenset({"pytorch_lightning", "lightning_fabric", "hydra", "torch"})
FULL = "HYDRA_FULL_ERROR"
"""Variable of the environment that shows all frames."""


def trace_of(error: BaseException) -> str:
    """Return the trace of an error and of its causes; frames of frameworks stay where the error arose in them."""
    trace = traceback.TracebackException.from_exception(error)
    left_out = 0 if os.environ.get(FULL) else _shorten(trace)
    note = f"({left_out} frames of Lightning and PyTorch are left out; {FULL}=1 shows them)\n" if left_out else ""
    return "".join([*trace.format(), note])


def _shorten(trace: traceback.TracebackException | None) -> int:
    """Leave out the frames of frameworks before the last other frame, and return how many they are."""
    if trace is None:
        return 0
    frames = list(trace.stack)
    own = [index for index, frame in enumerate(frames) if not _is_of_framework(frame.filename)]
    kept = [frame for index, frame in enumerate(frames) if not own or index in own or index > own[-1]]
    trace.stack = traceback.StackSummary.from_list(kept)
    return len(frames) - len(kept) + _shorten(trace.__cause__) + _shorten(trace.__context__)


def _is_of_framework(file: str) -> bool:
    parts = Path(file).parts
    packages = {after for before, after in itertools.pairwise(parts) if before == "site-packages"}
    return bool(packages & _FRAMEWORKS)
