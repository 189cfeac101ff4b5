"""`hpa compare`: is one run better than another, and what a sweep found."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpa.core.errors import InputError

if TYPE_CHECKING:
    from hpa.sweeps.outcome import JobOutcome

HELP = "compare runs by their held-out cells, with an interval over images, or list the jobs of a sweep, best first"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("runs", metavar="RUN", nargs="*", type=Path, help="two or more runs; the first is the baseline")
    parser.add_argument("--sweep", metavar="DIR", type=Path, help="folder of a sweep: its jobs, and which words matter")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Print the comparison and return 0."""
    if (arguments.sweep is None) == (len(arguments.runs) < 2):
        raise InputError("give two or more runs, or --sweep DIR.")
    found = _of_runs(arguments.runs) if arguments.sweep is None else _of_sweep(arguments.sweep)
    lines = found.pop("lines")
    print(json.dumps(found, indent=1) if arguments.json else "\n".join(lines))
    return 0


def _of_runs(runs: list[Path]) -> dict[str, Any]:
    from hpa.stages.comparison import compare_runs

    gains = [compare_runs(runs[0], other) for other in runs[1:]]
    return {
        "baseline": str(runs[0]),
        "gains": [
            {"run": str(gain.run), "score": gain.score, "gain": gain.mean, "interval": [gain.low, gain.high]}
            for gain in gains
        ],
        "lines": [gain.sentence for gain in gains],
    }


def _of_sweep(sweep: Path) -> dict[str, Any]:
    from hpa.sweeps.outcome import read_outcomes

    outcomes = read_outcomes(sweep)
    if not outcomes:
        raise InputError(f"{sweep}: no job of a sweep lies here (NUMBER/job.json); give the folder that -m printed.")
    ranked = sorted(outcomes.items(), key=lambda pair: _rank(pair[1]))
    shares = importance_of_words(outcomes)
    table = [
        {"folder": name, "state": job.state, "code": job.code, "reason": job.reason, "words": list(job.overrides)}
        | {"monitor": job.monitor, "score": job.score, "scores": dict(job.scores)}
        for name, job in ranked
    ]
    lines = [
        f"{'-' if job.score is None else f'{job.score:.4f}':>8}  {job.state:<11}  {sweep / name}  "
        f"{' '.join(word for word in job.overrides if word.partition('=')[0] in shares)}"
        for name, job in ranked
    ]
    shown = [f"  {share:5.0%}  {key}" for key, share in sorted(shares.items(), key=lambda pair: -pair[1])]
    explained = ["", "share of the variance of scores that each word alone explains:", *shown] if shares else []
    parallel = parallel_coordinates(ranked, list(shares))
    return {"jobs": table, "importance": shares, "parallel": parallel, "lines": [*lines, *explained]}


def parallel_coordinates(jobs: Sequence[tuple[str, JobOutcome]], keys: Sequence[str]) -> dict[str, Any]:
    """Return the axes and the lines of a plot in parallel coordinates (Inselberg 1985): one line a job with a score.

    Args:
        jobs: By their folders, in the order of the lines.
        keys: Words that vary; each is an axis, the score is the last one.
    """
    scored = [(name, job) for name, job in jobs if job.score is not None]
    words = [dict(word.split("=", 1) for word in job.overrides) for _, job in scored]
    axes = [_axis(key, [of_job.get(key) for of_job in words]) for key in keys]
    lines = [
        {"folder": name, "values": [*(_place(axis, of_job.get(axis["key"])) for axis in axes), job.score]}
        for (name, job), of_job in zip(scored, words, strict=True)
    ]
    monitor = scored[0][1].monitor if scored else None
    return {"axes": [*axes, {"key": monitor, "kind": "number"}], "lines": lines}


def _place(axis: Mapping[str, Any], value: str | None) -> float | str | None:
    return _number(value) if axis["kind"] == "number" else value


def _axis(key: str, values: Sequence[str | None]) -> dict[str, Any]:
    """Return an axis of numbers, or of the words that occur."""
    if all(_number(value) is not None for value in values):
        return {"key": key, "kind": "number"}
    return {"key": key, "kind": "category", "values": sorted({value for value in values if value is not None})}


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def importance_of_words(outcomes: Mapping[str, JobOutcome]) -> dict[str, float]:
    """Return the share of the variance of scores that lies between the values of each word that varies (η²).

    A word that has another value in every job explains everything and nothing; read it with the number of jobs in mind.
    """
    scored = [(dict(word.split("=", 1) for word in job.overrides), job.score) for job in outcomes.values()]
    rows = [(words, score) for words, score in scored if score is not None]
    keys = sorted({key for words, _ in rows for key in words})
    varying = [key for key in keys if len({words.get(key) for words, _ in rows}) > 1]
    if not rows:
        return {}
    mean = sum(score for _, score in rows) / len(rows)
    total = sum((score - mean) ** 2 for _, score in rows)
    shares = {}
    for key in varying:
        groups: dict[str | None, list[float]] = {}
        for words, score in rows:
            groups.setdefault(words.get(key), []).append(score)
        between = sum(len(group) * (sum(group) / len(group) - mean) ** 2 for group in groups.values())
        shares[key] = between / total if total > 0 else 0.0
    return shares


def _rank(job: JobOutcome) -> tuple[bool, float]:
    if job.score is None:
        return True, 0.0
    return False, job.score if str(job.monitor).endswith("loss") else -job.score
