"""One line of the table, and the clock all lines share."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A comparison of two ways to do the same work.

    Attributes:
        name: The work, and the peer.
        ours: What this project needs, in `unit`.
        peer: What the peer needs, in `unit`.
        ratio: How many times better ours is.
        unit: E.g. "ms".
    """

    name: str
    ours: float
    peer: float
    ratio: float
    unit: str


def cpu_ms(work: Callable[[], object], repeats: int) -> float:
    """Return the median CPU time of this process for a piece of work, in ms, after one unmeasured run.

    CPU time, not wall time: other programs on the machine then count little.
    """
    work()
    times = []
    for _ in range(repeats):
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return 1000 * statistics.median(times)


def paired_cpu_ms(ours: Callable[[], object], peer: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Return the median CPU times of two pieces of work, done in turn, after one unmeasured run of ours.

    On a busy machine both then meet the same load: caches are shared, and CPU time counts waiting for memory.
    """
    ours()
    times: list[tuple[float, float]] = []
    for _ in range(rounds):
        began = time.process_time()
        ours()
        middle = time.process_time()
        peer()
        times.append((middle - began, time.process_time() - middle))
    ours_s, peer_s = zip(*times, strict=True)
    return 1000 * statistics.median(ours_s), 1000 * statistics.median(peer_s)
