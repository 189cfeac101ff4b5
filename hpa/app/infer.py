"""From runs and a folder of images to a submission: builds the workload's parts and hands them to the run loop."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from shlex import quote

from tqdm import tqdm

from hpa.app.main import EXIT_INTERRUPTED, exit_code
from hpa.app.members import members
from hpa.app.progress import show_progress
from hpa.app.timings import bytes_read, seconds_in_words, write_timings
from hpa.config import Config, build
from hpa.core.addresses import StoredPath, as_path
from hpa.core.counts import counted
from hpa.core.errors import InputError
from hpa.core.image_table import ImageTable
from hpa.core.levels import level_warnings
from hpa.core.outputs import check_outputs
from hpa.core.upload import staged, upload_staged
from hpa.inference.blocks import Shard
from hpa.inference.budget import Budget
from hpa.inference.output import COMMAND, Output, RunResult
from hpa.inference.pipeline import Pipeline
from hpa.inference.shared_folder import read_note
from hpa.inference.shared_run import write_shared
from hpa.inference.stopwatch import Stopwatch
from hpa.inference.submission_file import fallbacks_path
from hpa.inference.workload import WARN, Workload, require_task, steps_when_late
from hpa.interfaces import Split
from hpa.models.saved_run import SavedRun, read_saved_run
from hpa.sources.levels import measure_levels
from hpa.sources.table_summary import summary_of_table

log = logging.getLogger(__name__)

EXIT_NOTHING_USABLE = 1
EXIT_SOME_BLANK = 3
JOIN = "join"
"""The value of `workers` that takes part in a run which other processes share."""


def infer(config: Config) -> int:
    """Write a submission and return the exit code: 0 all well, 3 some rows are blank, 1 all images failed."""
    if isinstance(out := as_path(config["out"]), StoredPath):
        return infer_to_store(config, out)
    if config.get("engine"):
        return infer_on_engine(config)
    started_s = time.monotonic()
    is_shared = config["workers"] == JOIN
    config = {**config, "workers": config["threads"]} if is_shared else config
    if is_shared and config["timings"] is not None:
        raise InputError("timings=FILE measures one process; leave out workers=join, or timings.")
    if not isinstance(config["workers"], int):
        raise InputError(f"workers={config['workers']}: a number of threads is expected, or {JOIN}.")
    budget = Budget(config["budget_hours"], config["budget_reserve_share"], stops=WARN not in steps_when_late(config))
    shard = None if config["shard"] is None else Shard.parse(str(config["shard"]))
    paths = config["ckpt"] if isinstance(config["ckpt"], list) else [config["ckpt"]]
    runs = [read_saved_run(path) for path in members(paths, announce=True)]
    require_task(runs, config["task"])
    data = config.get("data") or runs[0].part("data")
    inputs = [*(run.path for run in runs), *(as_path(data[name]) for name in ("root", "metadata") if data.get(name))]
    if not (is_shared and read_note(out)):
        check_outputs([out], COMMAND, inputs=inputs, overwrite=config["overwrite"])  # before networks are built
    workload: Workload = build(config["workload"])
    parts = workload.parts(runs, config, Stopwatch())
    pipeline = Pipeline(
        parts.steps, parts.stopwatch, parts.fallbacks, parts.sizes, config["workers"], budget, started_s
    )
    output = Output(out, shard, parts.settings, parts.sinks)

    def check() -> None:
        check_outputs(output.files(), COMMAND, inputs=inputs, overwrite=config["overwrite"])
        log.info("%s", summary_of_table(parts.table, runs[0].channels))
        _warn_of_levels(runs[0], data, parts.table, config["split"])

    progress = show_progress("predicting", "image")
    if is_shared:
        return _report(write_shared(pipeline, parts.table, output, progress, check), output, parts.counted)
    check()
    timings = None if config["timings"] is None else Path(config["timings"])
    if timings is not None:
        check_outputs([timings], f"{COMMAND} timings", inputs=inputs, overwrite=config["overwrite"])
    read_before = bytes_read()
    result = pipeline.write(parts.table, output, progress)
    if timings is not None:
        write_timings(timings, result, output.files(), read_before, pipeline.workers, pipeline.sizes.block_images)
    return _report(result, output, parts.counted)


def infer_to_store(config: Config, out: StoredPath) -> int:
    """Write a submission here, and upload it with what lies beside it; return the exit code.

    Raises:
        InputError: If several processes write it, as an object store has no locks; or the store does not take it.
    """
    if config.get("engine") or config["workers"] == JOIN:
        raise InputError(
            f"out={out}: processes that share a run need a folder that all of them see; give out=FOLDER/FILE, or "
            "divide the run by shard=1/N and a file for each."
        )
    place = staged(out, COMMAND, config["overwrite"])
    code = infer({**config, "out": str(place), "overwrite": True})
    if code == EXIT_NOTHING_USABLE:
        return code
    upload_staged(place, out, COMMAND, config["overwrite"])
    tqdm.write(f"uploaded  {out}")
    return code


def infer_on_engine(config: Config) -> int:
    """Share a run among the processes of an engine; return the exit code of the run, or of the process that failed."""
    engine = build(config["engine"])
    codes = engine.run(infer_in_process, {**config, "engine": None, "workers": JOIN})
    note = read_note(Path(config["out"]))
    state = "is complete" if note else "is not complete"
    tqdm.write(f"{config['out']}  {state}; more by: hpa status {quote(str(config['out']))}")
    complete = [code for code in codes if code in (0, EXIT_SOME_BLANK)]  # such a process saw the whole run to its end
    return complete[0] if complete else EXIT_INTERRUPTED if EXIT_INTERRUPTED in codes else EXIT_NOTHING_USABLE


def infer_in_process(config: Config) -> int:
    """Take part in a run as a process of its own: an error is one sentence, as on the command line."""
    return exit_code(lambda: infer(config))


def _warn_of_levels(run: SavedRun, data: Config, table: ImageTable, split: Split) -> None:
    """Log a warning where the images use another range of levels than those of the training."""
    if run.levels:
        found = measure_levels(build(data, channels=run.channels), table, split)
        for warning in level_warnings(run.levels, found):
            log.warning("%s", warning)


def _report(result: RunResult, output: Output, objects: str | None) -> int:
    """Print what came of the run, and return the exit code."""
    what = "submission" if output.shard is None else f"part {output.shard}"
    counts = counted(result.image_count, "image") + ("" if objects is None else f", {result.object_count} {objects}")
    tqdm.write(f"{what}  {output.path}  ({counts}; {seconds_in_words(result.seconds)})")
    if fallbacks_path(output.path).is_file():
        tqdm.write(f"not all images were predicted as configured: {fallbacks_path(output.path)}")
    if result.failed:
        tqdm.write(
            f"{len(result.failed)} of {result.image_count} images failed; their rows are blank, the reasons above."
        )
    if result.skipped_count:
        tqdm.write(
            f"{result.skipped_count} of {result.image_count} images are blank as no time was left for them; the same "
            "command goes on with them."
        )
    if result.all_failed:
        return EXIT_NOTHING_USABLE
    return EXIT_SOME_BLANK if result.failed or result.skipped_count else 0
