"""What a sweep says at its end: how many jobs are done, the best one, and which failed, where and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote

from hpa.sweeps.outcome import FAILED, FINISHED, STATES, JobOutcome

_SHOWN = 20


def summary_of_sweep(sweep: Path, outcomes: Mapping[str, JobOutcome], reused: int) -> list[str]:
    """Return the lines that a sweep ends with.

    Args:
        sweep: Its folder.
        outcomes: Of its jobs, by their folders.
        reused: Jobs that had finished before.
    """
    counts = Counter(outcome.state for outcome in outcomes.values())
    listed = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
    before = f" ({reused} of them before this command)" if reused else ""
    lines = [f"sweep  {sweep}: {len(outcomes)} jobs, {listed}{before}"]
    scored = [(name, outcome) for name, outcome in outcomes.items() if outcome.score is not None]
    ranked = sorted(scored, key=lambda pair: _rank(pair[1]))
    if ranked:
        lines += [
            f"  {outcome.monitor} {outcome.score:.4f}  {sweep / name}  {_words(outcome)}"
            for name, outcome in ranked[:_SHOWN]
        ]
        more = [f"  and {len(ranked) - _SHOWN} more"] if len(ranked) > _SHOWN else []
        lines += [*more, f"compare with  hpa compare --sweep {quote(str(sweep))}"]
    failed = [(name, outcome) for name, outcome in outcomes.items() if outcome.state == FAILED]
    lines += [f"failed  {sweep / name}  {_words(outcome)}: {outcome.reason}" for name, outcome in failed]
    if not all(outcome.is_done for outcome in outcomes.values()):
        lines.append(f"the same command with {quote(f'hydra.sweep.dir={sweep}')} runs what is not finished")
    return lines


def _rank(outcome: JobOutcome) -> tuple[bool, float]:
    """Return what sorts the best first: finished ones, then higher scores, or lower losses."""
    score = outcome.score or 0.0
    lower = (outcome.monitor or "").endswith("loss")
    return outcome.state != FINISHED, score if lower else -score


def _words(outcome: JobOutcome) -> str:
    return short_words(outcome.overrides)


def short_words(overrides: Sequence[str]) -> str:
    """Return the words of a job in one line."""
    return " ".join(overrides) or "(no words)"
