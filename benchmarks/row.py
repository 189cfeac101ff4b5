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
