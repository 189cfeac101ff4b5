"""Tries of an attack in processes of limited memory, which may crash or hang: a death is counted, and the next begins.

The number of the try under way lies in a file that both processes map, so it is known whatever the process dies of.
Each try draws from (seed, attack, number): `python -m benchmarks.attack.isolation MODULE SEED NUMBER 1` repeats one.
"""

from __future__ import annotations

import importlib
import mmap
import os
import resource
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

from benchmarks.attack.figures import Figures, Outcome, WrongSuccessError
from hpa.core.errors import InputError
from hpa.core.seeding import seed_of


class NumberedRandom(Random):
    """The draws of one try, which may also go by its number, from 0, and by the seed of all tries."""

    run_seed: int
    number: int


Attempt = Callable[[NumberedRandom, Path], Outcome]
_SHOWN_FAILURES = 10
_POLL_SECONDS = 0.05
_COUNTS = ("refused", "accepted", "out_of_memory", "wrong_successes", "tracebacks")
_STARTING = (1 << 64) - 1
_START_SECONDS = 300.0
_RECORD = struct.Struct(f"<{1 + len(_COUNTS)}Q")
"""Number of the try under way, and what came of those before it."""


def run_isolated(module: str, seed: int, seconds: float, *, tries: int, memory_mb: int, hang_seconds: float) -> Figures:
    """Return the figures of an attack.

    Args:
        module: Which defines `attempt(random, folder)`: it returns how the try ended, raises `WrongSuccessError`, or
            lets an InputError through, which counts as refused; any other exception is a traceback.
        seed: Of all tries.
        seconds: When no further try begins.
        tries: How many are enough.
        memory_mb: Limit of the address space of a process beyond what its imports take.
        hang_seconds: Limit of one try.
    """
    begun = time.monotonic()
    counts: Counter[str] = Counter()
    failures: list[str] = []
    first, peak_kb = 0, 0
    with tempfile.TemporaryDirectory() as folder:
        while first < tries and time.monotonic() - begun < seconds:
            left = seconds - (time.monotonic() - begun)
            record = Path(folder) / "record"
            record.write_bytes(_RECORD.pack(_STARTING, *[0] * len(_COUNTS)))
            errors = Path(folder) / "errors"
            command = [sys.executable, "-m", __name__, module, str(seed), str(first), str(tries - first)]
            limits = {"ATTACK_SECONDS": str(left), "ATTACK_MEMORY_MB": str(memory_mb), "ATTACK_RECORD": str(record)}
            with errors.open("wb") as stderr:
                process = subprocess.Popen(command, env=os.environ | limits, stderr=stderr)
                hung = _watch(process, record, hang_seconds)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            peak_kb = max(peak_kb, usage.ru_maxrss)
            number, *done = _RECORD.unpack(record.read_bytes())
            if number == _STARTING:
                raise RuntimeError(f"{module} does not start: {errors.read_text(errors='replace')[-2000:]}")
            counts.update(dict(zip(_COUNTS, done, strict=True)))
            failures += errors.read_text(errors="replace").splitlines()
            first = number
            if process.returncode:
                counts["hangs" if hung else "crashes"] += 1
                failures.append(f"try {number}: {'hung' if hung else f'died with {process.returncode}'}")
                first += 1
    done_counts = {name: counts[name] for name in (*_COUNTS, "crashes", "hangs") if name != "accepted"}
    shown = failures[:_SHOWN_FAILURES]
    name = module.rpartition(".")[2]
    return Figures(name, first, **done_counts, peak_mb=peak_kb / 1024, seconds=time.monotonic() - begun, failures=shown)


def _watch(process: subprocess.Popen[bytes], record: Path, hang_seconds: float) -> bool:
    """Wait for a process without collecting it; kill it and return True if one of its tries takes too long."""
    number, since = -1, time.monotonic()
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        now = _RECORD.unpack(record.read_bytes())[0]
        if now != number:
            number, since = now, time.monotonic()
        elif time.monotonic() - since > (_START_SECONDS if now == _STARTING else hang_seconds):
            process.kill()
            return True
        time.sleep(_POLL_SECONDS)
    return False


def _try_all(module: str, seed: int, first: int, tries: int) -> None:
    """Run tries in this process."""
    attempt: Attempt = importlib.import_module(module).attempt
    ends = time.monotonic() + float(os.environ.get("ATTACK_SECONDS", "inf"))
    _limit_memory(int(os.environ.get("ATTACK_MEMORY_MB", "0")))
    path = os.environ.get("ATTACK_RECORD")
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, _record(path) as record:
        for number in range(first, first + tries):
            record[:] = _RECORD.pack(number, *(counts[name] for name in _COUNTS))
            if time.monotonic() > ends:
                return
            random = NumberedRandom(seed_of(module, seed, number))
            random.run_seed, random.number = seed, number
            counts[_one(attempt, random, Path(folder))] += 1
        record[:] = _RECORD.pack(first + tries, *(counts[name] for name in _COUNTS))


def _one(attempt: Attempt, random: NumberedRandom, folder: Path) -> str:
    """Run one try and return which count it belongs to."""
    try:
        return attempt(random, folder).value
    except InputError:
        return Outcome.REFUSED.value
    except WrongSuccessError as error:
        print(f"try {random.number}: {error}", file=sys.stderr, flush=True)
        return "wrong_successes"
    except MemoryError:
        print(f"try {random.number}: out of memory", file=sys.stderr, flush=True)
        return "out_of_memory"
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        text = f"{type(error).__name__}: {error}"[:200].replace("\n", " ")
        print(f"try {random.number}: {text} ({Path(place.filename).name}:{place.lineno})", file=sys.stderr, flush=True)
        return "tracebacks"


def _limit_memory(megabytes: int) -> None:
    """Limit the address space to what is mapped now and so many megabytes more; 0 for no limit."""
    if megabytes:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + (megabytes << 20)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _record(path: str | None) -> mmap.mmap:
    if path is None:
        return mmap.mmap(-1, _RECORD.size)
    with open(path, "r+b") as file:  # noqa: PTH123
        return mmap.mmap(file.fileno(), _RECORD.size)


if __name__ == "__main__":
    _try_all(sys.argv[1], *map(int, sys.argv[2:5]))
