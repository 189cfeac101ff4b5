"""What a large run will take, from the measured figures of a small one (`timings=FILE`), and from a simulation of it.

Figures an image are those of one process on the machine of the sample; what is simulated are many such processes that
lease blocks: machines that differ in speed, machines that are lost, and the wait until a lost lease is free.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hpa.core.errors import InputError
from hpa.core.file_lock import STALE_S
from hpa.core.json_file import read_json

_KEYS = ("images", "seconds", "total_s", "threads", "output_bytes", "input_bytes", "peak_memory_bytes", "block_images")
_PARALLEL = "read, segment and finish"
_MIN_IMAGES = 4


@dataclass(frozen=True)
class Sample:
    """Measured figures of a run of one process.

    Attributes:
        images: Predicted.
        seconds: Of each stage, summed over threads.
        total_s: From the first image to the complete submission.
        threads: That read, segment and finish images.
        output_bytes: Size of all that was written.
        input_bytes: Size of the image files.
        peak_memory_bytes: Of the process.
        block_images: Images in a block.
    """

    images: int
    seconds: Mapping[str, float]
    total_s: float
    threads: int
    output_bytes: int
    input_bytes: int
    peak_memory_bytes: int
    block_images: int

    @property
    def seconds_an_image(self) -> float:
        """Wall-clock seconds of one process."""
        return self.total_s / self.images

    @property
    def bottleneck(self) -> str:
        """Which of the two that run side by side takes longer: the network, or the threads around it."""
        around = sum(value for name, value in self.seconds.items() if name not in ("total", "predict")) / self.threads
        return "predict" if self.seconds.get("predict", 0.0) >= around else _PARALLEL


@dataclass(frozen=True)
class Conditions:
    """Of the machines.

    Attributes:
        workers: Processes at work.
        spread: Standard deviation of the logarithm of their speed.
        losses_an_hour: How often a machine is lost, in an hour of its work.
    """

    workers: int
    spread: float
    losses_an_hour: float


def read_sample(path: Path) -> Sample:
    """Read what `infer.py … timings=FILE` wrote.

    Raises:
        InputError: If the file is something else, or has too few images to say anything.
    """
    try:
        content: Any = read_json(path)
        sample = Sample(**{key: content[key] for key in _KEYS})
        usable = sample.images >= 1 and sample.total_s > 0 and sample.threads >= 1 and sample.block_images >= 1
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"{path}: these are no timings ({error}); write them by infer.py … timings={path.name}."
        ) from error
    if not usable or sample.images < _MIN_IMAGES:
        raise InputError(f"{path}: timings of {sample.images} images; measure {_MIN_IMAGES} at least, better 50.")
    return sample


def simulated_s(sample: Sample, fields: int, conditions: Conditions, seed: int = 0) -> float:
    """Return how long leased blocks take until the last one is done.

    Each process takes the next block when it is free. A block whose machine is lost is free again once its lease is
    stale; a new machine takes the place of the lost one. The speed of a machine is drawn once.
    """
    rng = np.random.default_rng(seed)
    blocks = -(-fields // sample.block_images)
    workers = min(conditions.workers, blocks)
    pace = np.exp(rng.normal(0.0, conditions.spread, workers)) * sample.seconds_an_image * sample.block_images
    loss_chance = 1 - np.exp(-conditions.losses_an_hour * pace / 3600)
    free = [(0.0, worker) for worker in range(workers)]
    heapq.heapify(free)
    again: list[float] = []  # when lost blocks can be leased
    last = 0.0
    while blocks or again:
        now, worker = heapq.heappop(free)
        if again and (again[0] <= now or not blocks):
            now = max(now, heapq.heappop(again))
        else:
            blocks -= 1
        duration = float(pace[worker])
        if rng.random() < loss_chance[worker]:
            lost = now + float(rng.uniform(0.0, duration))
            heapq.heappush(again, lost + STALE_S)
            heapq.heappush(free, (lost, worker))
            continue
        heapq.heappush(free, (now + duration, worker))
        last = max(last, now + duration)
    return last


def saturating_workers(sample: Sample, storage_bytes_a_second: float) -> int:
    """Return how many processes read and write as much as a storage gives."""
    own = (sample.input_bytes + sample.output_bytes) / sample.total_s
    return max(1, int(storage_bytes_a_second / own)) if own > 0 else 1
