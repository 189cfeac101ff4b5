"""`hpa compare`: is one run better than another, and what a sweep found."""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpa.core.errors import InputError
from hpa.core.outputs import check_outputs, guarded_outputs, require_page_name

if TYPE_CHECKING:
    from hpa.reports.runs_page import RunsFacts
    from hpa.stages.comparison import RunGain
    from hpa.sweeps.outcome import JobOutcome

HELP = "compare runs by their held-out cells, with an interval over images, or list the jobs of a sweep, best first"
_SHOWN_IMAGES = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.description = f"{HELP}. Runs that differ in nothing but their seed are one recipe, and their spread counts."
    parser.add_argument("runs", metavar="RUN", nargs="*", type=Path, help="two or more runs; the first is the baseline")
    parser.add_argument("--sweep", metavar="DIR", type=Path, help="folder of a sweep: its jobs, and which words matter")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--out", metavar="PAGE.html", type=Path, help="write a page too: intervals, classes, curves")
    parser.add_argument("--overwrite", action="store_true", help="write over a page that this command did not make")


def run(arguments: argparse.Namespace) -> int:
    """Print the comparison, write the page where one is wanted, and return 0."""
    from hpa.reports.runs_page import write_runs_page

    if (arguments.sweep is None) == (len(arguments.runs) < 2):
        raise InputError("give two or more runs, or --sweep DIR.")
    page: Path | None = arguments.out
    if page is not None:
        require_page_name(page)
        check_outputs([page], "compare", overwrite=arguments.overwrite)
    found = _of_sweep(arguments.sweep) if arguments.sweep else _of_runs(arguments.runs, page is not None)
    lines, facts = found.pop("lines"), found.pop("facts")
    if page is not None:
        with guarded_outputs([page], "compare", overwrite=arguments.overwrite):
            write_runs_page(page, replace(facts(), command=_command(arguments)))
        lines.append(f"{page} shows it")
    print(json.dumps(found, indent=1) if arguments.json else "\n".join(lines))
    return 0


def _command(arguments: argparse.Namespace) -> str:
    """Return the command line that makes the page again."""
    words = ["--sweep", str(arguments.sweep)] if arguments.sweep else list(map(str, arguments.runs))
    return shlex.join(["hpa", "compare", *words, "--out", str(arguments.out)])


def _of_runs(runs: list[Path], with_details: bool) -> dict[str, Any]:
    from hpa.stages.comparison import by_recipe, compare_runs

    baseline, *others = by_recipe(runs)
    gains = [compare_runs(baseline, other, with_details) for other in others]
    return {
        "baseline": str(baseline[0]),
        "gains": [
            {"run": str(gain.runs[0]), "score": gain.score, "gain": gain.mean, "interval": [gain.low, gain.high]}
            | {"runs": list(map(str, gain.runs)), "baseline_runs": list(map(str, gain.baseline))}
            for gain in gains
        ],
        "lines": [gain.sentence for gain in gains],
        "facts": lambda: _page_of_runs(runs, gains),
    }


def _page_of_runs(runs: Sequence[Path], gains: Sequence[RunGain]) -> RunsFacts:
    import pandas as pd

    from hpa.reports.runs_page import Interval, RunsFacts
    from hpa.stages.chain_page import CURVES
    from hpa.stages.comparison import name_of
    from hpa.training.metrics_file import read_metrics
    from hpa.training.run_folder import RunFolder

    classes, images = [], []
    names = RunFolder.open(runs[0]).facts().get("class_names", [])
    for gain in gains:
        of_classes = [
            Interval(
                names[one.index] if one.index < len(names) else f"class {one.index}",
                *(one.after - one.before, one.low, one.high),
                f"{one.before:.3f} → {one.after:.3f}",
            )
            for one in sorted(gain.classes, key=lambda one: one.before - one.after)
        ]
        classes.append((f"{name_of(gain.runs)} against {name_of(gain.baseline)}", of_classes))
        order = sorted(gain.images.items(), key=lambda pair: -pair[1])
        shown = order if len(order) <= 2 * _SHOWN_IMAGES else [*order[:_SHOWN_IMAGES], *order[-_SHOWN_IMAGES:]]
        table = pd.DataFrame(shown, columns=["image", "lower loss"])
        images.append((classes[-1][0], table))
    histories = {str(path): path / "metrics.csv" for path in runs}
    return RunsFacts(
        title=f"{len(gains) + 1} recipes compared",
        command="",
        answers=[gain.sentence for gain in gains],
        gains=[
            Interval(
                *(name_of(gain.runs), gain.mean, gain.low, gain.high),
                f"{gain.score - gain.mean:.4f} → {gain.score:.4f}",
            )
            for gain in gains
        ],
        classes=classes,
        images=images,
        histories={name: read_metrics(file) for name, file in histories.items() if file.is_file()},
        curves=CURVES,
    )


def _of_sweep(sweep: Path) -> dict[str, Any]:
    from hpa.sweeps.outcome import read_outcomes

    outcomes = read_outcomes(sweep)
    if not outcomes:
        raise InputError(f"{sweep}: no job of a sweep lies here (NUMBER/job.json); give the folder that -m printed.")
    ranked = sorted(outcomes.items(), key=lambda pair: _rank(pair[1]))
    shares, varying = importance_of_words(outcomes), varying_words(outcomes.values())
    table = [
        {"folder": name, "state": job.state, "code": job.code, "reason": job.reason, "words": list(job.overrides)}
        | {"monitor": job.monitor, "score": job.score, "scores": dict(job.scores)}
        for name, job in ranked
    ]
    lines = [
        f"{'-' if job.score is None else f'{job.score:.4f}':>8}  {job.state:<11}  {sweep / name}  "
        f"{' '.join(word for word in job.overrides if word.partition('=')[0] in varying)}"
        for name, job in ranked
    ]
    shown = [f"  {share:5.0%}  {key}" for key, share in sorted(shares.items(), key=lambda pair: -pair[1])]
    explained = ["", "share of the variance of scores that each word alone explains:", *shown] if shares else []
    parallel = parallel_coordinates(ranked, list(shares))
    return {"jobs": table, "importance": shares, "parallel": parallel, "lines": [*lines, *explained]} | {
        "facts": lambda: _page_of_sweep(sweep, ranked, shares, parallel)
    }


def _page_of_sweep(
    sweep: Path, ranked: Sequence[tuple[str, JobOutcome]], shares: Mapping[str, float], parallel: Mapping[str, Any]
) -> RunsFacts:
    import pandas as pd

    from hpa.reports.parallel import parallel_chart
    from hpa.reports.runs_page import RunsFacts
    from hpa.stages.chain_page import CURVES
    from hpa.training.metrics_file import read_metrics

    settings, rows = varying_words([job for _, job in ranked]), []
    for name, job in ranked:
        words = job.settings
        scores = {key: value for key, value in job.scores.items() if key != job.monitor}
        first = {"job": name, "score": job.score, "state": job.state}
        rows.append(first | {key: words.get(key, "") for key in settings} | scores | {"reason": job.reason})
    scored = [(name, job) for name, job in ranked if job.score is not None]
    answers = [f"{len(ranked)} jobs; {len(ranked) - len(scored)} of them without a score."]
    if scored:
        name, best = scored[0]
        own = " ".join(word for word in best.overrides if word.partition("=")[0] in settings)
        answers.insert(0, f"Best: job {name}, {best.monitor} {best.score:.4f}, {own or 'no setting of its own'}.")
    files = {name: sweep / name / "metrics.csv" for name, _ in ranked}
    return RunsFacts(
        title=sweep.resolve().name,
        command="",
        answers=answers,
        table=pd.DataFrame(rows).dropna(axis="columns", how="all"),
        table_title="Jobs, best first",
        importance=shares,
        parallel=parallel_chart(parallel),
        histories={name: read_metrics(file) for name, file in files.items() if file.is_file()},
        curves=CURVES,
    )


def parallel_coordinates(jobs: Sequence[tuple[str, JobOutcome]], keys: Sequence[str]) -> dict[str, Any]:
    """Return the axes and the lines of a plot in parallel coordinates (Inselberg 1985): one line a job with a score.

    Args:
        jobs: By their folders, in the order of the lines.
        keys: Words that vary; each is an axis, the score is the last one.
    """
    scored = [(name, job) for name, job in jobs if job.score is not None]
    words = [job.settings for _, job in scored]
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


def varying_words(jobs: Iterable[JobOutcome]) -> list[str]:
    """Return the keys that distinguish jobs: those whose values are not the same in all of them."""
    words = [job.settings for job in jobs]
    return [key for key in sorted({*chain(*words)}) if len({of_job.get(key) for of_job in words}) > 1]


def importance_of_words(outcomes: Mapping[str, JobOutcome]) -> dict[str, float]:
    """Return the share of the variance of scores that lies between the values of each word that varies (η²).

    A word that has another value in every job explains everything and nothing; read it with the number of jobs in mind.
    """
    scored = [job for job in outcomes.values() if job.score is not None]
    rows = [(job.settings, job.score or 0.0) for job in scored]
    if not rows:
        return {}
    mean = sum(score for _, score in rows) / len(rows)
    total = sum((score - mean) ** 2 for _, score in rows)
    shares = {}
    for key in varying_words(scored):
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
