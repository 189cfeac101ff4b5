"""Kills processes that share a run (`workers=join`) at random moments, while others go on and new ones come.

Each try lets three processes share a prediction. One after the other is killed, either before a drawn operation on the
file system or after a drawn time, and another takes its place; at last nobody is killed. The submission and all files
beside it must be, byte by byte, those of one undisturbed process, and nothing else may lie there but the note that the
run is finished.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

import torch

from benchmarks.attack.figures import Figures
from benchmarks.attack.kill_inference import ROOT, Case, Disturbed, cases_of, files_in, kill_before_operation
from hpa.app.infer import infer
from hpa.config import plain
from hpa.core.seeding import seed_of
from hpa.inference.shared_folder import note_path
from hpa.overrides import compose_config

KILLS = 120
_PROCESSES = 3
_KILLS_A_TRY = 6
_HANG_SECONDS = 300.0
_LAST_OPERATION = 120
"""Of the operations at which a process is killed; one of these runs makes about so many."""


def run(seed: int, seconds: float) -> Figures:
    """Kill processes until there are enough kills, or no time is left."""
    return attack(seed, seconds, KILLS)


def attack(seed: int, seconds: float, kills: int) -> Figures:
    """Kill processes at least so often, unless no time is left.

    Args:
        seed: Of cases and moments.
        seconds: When no further try begins.
        kills: How many are enough.
    """
    begun = time.monotonic()
    torch.set_num_threads(1)  # threads do not outlive a fork
    result = Disturbed()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cases = [case for case in cases_of(folder) if case.shards == 1]
        expected = {}
        for case in cases:
            place = folder / "expected" / case.name.replace(" ", "_")
            _require_ends_well(_started(case, place, "", None))
            expected[case.name] = files_in(place)
        number = 0
        while result.kills < kills and time.monotonic() - begun < seconds:
            case = cases[number % len(cases)]
            random = Random(seed_of(seed, "kill_shared", number))
            _try(case, expected[case.name], folder / f"try_{number}", random, result)
            number += 1
    return result.figures("kill_shared", time.monotonic() - begun)


def _try(case: Case, expected: dict[str, bytes], folder: Path, random: Random, result: Disturbed) -> None:
    """Share a prediction among processes of which several are killed, and compare what it leaves."""
    living = [_started_shared(case, folder, random) for _ in range(_PROCESSES)]
    for _ in range(_KILLS_A_TRY):
        time.sleep(random.uniform(0.0, 0.4))
        victim = living.pop(0)
        victim.join(random.choice([0.0, 2.0]))  # a part of them lives until the operation that was drawn
        victim.kill()
        victim.join()
        result.kills += victim.exitcode == -signal.SIGKILL
        living.append(_started_shared(case, folder, random))
    for process in [*living, _started(case, folder, "workers=join", None)]:
        process.join(_HANG_SECONDS)
        result.hangs += process.is_alive()
        result.crashes += process.exitcode not in (0, -signal.SIGKILL, None)
        result.kills += process.exitcode == -signal.SIGKILL
        process.kill()
    found = files_in(folder)
    found.pop(note_path(folder / "submission.csv").name, None)
    differ = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
    if differ:
        result.wrong += 1
        result.fail(f"{case.name} in {folder.name}: differ or are left over: {', '.join(differ)[:300]}")


def _started_shared(case: Case, folder: Path, random: Random) -> Any:
    """Start a process that takes part; every second one kills itself before a drawn operation."""
    operation = random.randrange(1, _LAST_OPERATION) if random.random() < 0.5 else None
    return _started(case, folder, "workers=join", operation)


def _started(case: Case, folder: Path, word: str, operation: int | None) -> Any:
    """Start a prediction in a process of its own that kills itself before an operation on files, where one is given."""
    words = [*case.words, f"out={folder / 'submission.csv'}", *([word] if word else [])]
    config = plain(compose_config(ROOT, "infer", words))
    context = multiprocessing.get_context("fork")  # imports took seconds, once

    def body() -> None:
        os.environ["TQDM_DISABLE"] = "1"
        folder.parent.mkdir(parents=True, exist_ok=True)
        with folder.with_name(f"{folder.name}_{os.getpid()}.txt").open("w") as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
        kill_before_operation(str(folder), context.Value("q", 0, lock=False), operation)
        os._exit(infer(config))

    process = context.Process(target=body)
    process.start()
    return process


def _require_ends_well(process: Any) -> None:
    process.join(_HANG_SECONDS)
    if process.exitcode != 0:
        raise RuntimeError("an undisturbed prediction could not be made; run benchmarks.attack.kill_inference to see.")
