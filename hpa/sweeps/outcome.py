"""What became of a job of a sweep, as it lies in the job's folder (`job.json`).

The file, not the value that a launcher hands back, says how a job ended: it is the same in this process, in another one
and on another machine, and it is still there when the sweep was killed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from hpa.core.errors import InputError
from hpa.core.json_file import read_json
from hpa.core.whole_file import whole_file
from hpa.training.run_folder import JOB_FILE

RUNNING, FINISHED, PRUNED, FAILED, INTERRUPTED = "running", "finished", "pruned", "failed", "interrupted"
STATES = (RUNNING, FINISHED, PRUNED, FAILED, INTERRUPTED)
_BY_SEVERITY = (0, 3, 1, 2, 130)
"""Exit codes: all well, some images failed, nothing usable, usage, interrupted."""


@dataclass(frozen=True)
class JobOutcome:
    """How a job stands.

    Attributes:
        overrides: The words that distinguish the job from others, e.g. `loss=focal`.
        digest: Of its config.
        state: One of `STATES`; `running` also where the job was killed and could say nothing.
        code: Exit code of the job.
        reason: Why it failed, in words.
        monitor: Name of the score that chooses the best epoch, e.g. "val_image_map"; higher is better unless a loss.
        scores: Of the best epoch, by name.
    """

    overrides: tuple[str, ...]
    digest: str
    state: str = RUNNING
    code: int = 1
    reason: str | None = None
    monitor: str | None = None
    scores: Mapping[str, float] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, str]:
        """The values of its words, by their keys; "" of a word that only removes a key."""
        return {key: value for key, _, value in (word.partition("=") for word in self.overrides)}

    @property
    def is_done(self) -> bool:
        """Whether it need not be run again."""
        return self.state in (FINISHED, PRUNED) and self.code == 0

    @property
    def score(self) -> float | None:
        """The monitored score of the best epoch, None where there is none."""
        return None if self.monitor is None else self.scores.get(self.monitor)


def write_outcome(folder: Path, outcome: JobOutcome) -> None:
    """Write how a job stands into its folder, whole or not at all."""
    with whole_file(folder / JOB_FILE) as file:
        file.write(json.dumps(asdict(outcome), indent=1).encode())


def read_outcome(folder: Path) -> JobOutcome | None:
    """Read how the job of a folder stands; None where there was no job.

    Raises:
        InputError: If the file is damaged.
    """
    path = folder / JOB_FILE
    if not path.is_file():
        return None
    try:
        values = read_json(path)
        scores = {str(name): float(value) for name, value in values["scores"].items()}
        read = JobOutcome(**values | {"overrides": tuple(map(str, values["overrides"])), "scores": scores})
        _require_kinds(read)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise InputError(f"{path}: cannot be read as the outcome of a job ({error}); delete the file.") from error
    if read.state not in STATES:
        raise InputError(f"{path}: state {read.state!r} is none of {', '.join(STATES)}; delete the file.")
    return read


def _require_kinds(read: JobOutcome) -> None:
    """Raise TypeError where a value is of another kind than `write_outcome` writes."""
    texts = {"digest": read.digest, "state": read.state, "monitor": read.monitor or "", "reason": read.reason or ""}
    if wrong := [name for name, value in texts.items() if not isinstance(value, str)]:
        raise TypeError(f"{wrong[0]} is no text")
    if not isinstance(read.code, int):
        raise TypeError("code is no whole number")


def read_outcomes(sweep: Path) -> dict[str, JobOutcome]:
    """Read how the jobs of a sweep stand, by the name of their folder, in the order of their numbers."""
    folders = {file.parent for file in sweep.rglob(JOB_FILE)} if sweep.is_dir() else set()
    named = {str(folder.relative_to(sweep)): read_outcome(folder) for folder in folders}
    order = sorted(named, key=lambda name: (not name.isdigit(), int(name) if name.isdigit() else 0, name))
    return {name: outcome for name in order if (outcome := named[name]) is not None}


def worst_code(codes: Iterable[int]) -> int:
    """Return the exit code of the job that ended worst; 0 of none.

    >>> worst_code([0, 3, 1]), worst_code([0, 3]), worst_code([]), worst_code([1, 130])
    (1, 3, 0, 130)
    """
    return max(codes, key=lambda code: _BY_SEVERITY.index(code if code in _BY_SEVERITY else 1), default=0)
