"""What a run of infer.py took, as a file that `hpa plan` reads (`timings=FILE`)."""

from __future__ import annotations

import json
import logging
import os
import platform
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from hpa.core.outputs import output_file
from hpa.inference.output import COMMAND, RunResult

_IO = Path("/proc/self/io")
_logger = logging.getLogger(__name__)


def bytes_read() -> int:
    """Return how many bytes this process has read so far; 0 where the system does not count them."""
    if not _IO.is_file():
        return 0
    return int(_IO.read_text().split()[1])  # "rchar: N", the first line


def seconds_in_words(seconds: Mapping[str, float]) -> str:
    """Return the time that a run took, and that of its stages, which threads share: together they may take longer.

    >>> seconds_in_words({"read": 2.79, "predict": 1.0, "total": 2.77})
    '2.8 s; all threads together: read 2.8 s, predict 1.0 s'
    """
    stages = ", ".join(f"{stage} {value:.1f} s" for stage, value in seconds.items() if stage != "total")
    total = f"{seconds.get('total', 0.0):.1f} s"
    return f"{total}; all threads together: {stages}" if stages else total


def write_timings(
    path: Path, result: RunResult, files: Sequence[Path], read_before: int, threads: int, block_images: int
) -> None:
    """Write what a run took, unless another run or process did a part of it.

    Args:
        path: The file.
        result: Of the run.
        files: All that it wrote.
        read_before: `bytes_read` when it began.
        threads: That read, segment and finish images.
        block_images: Images in a block.

    Raises:
        InputError: If the file cannot be written.
    """
    if result.kept:
        _logger.warning("timings=%s is not written: %d blocks were done before", path, result.kept)
        return
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    timings = {
        "images": result.image_count,
        "objects": result.object_count,
        "seconds": {name: round(seconds, 4) for name, seconds in result.seconds.items()},
        "total_s": round(result.seconds["total"], 4),
        "threads": threads,
        "block_images": block_images,
        "output_bytes": sum(_size(file) for file in files),
        "input_bytes": bytes_read() - read_before,
        "peak_memory_bytes": peak,
        "machine": platform.platform(),
        "cores": os.cpu_count(),
        "date": time.strftime("%Y-%m-%d"),
    }
    with output_file(path, f"{COMMAND} timings") as file:
        file.write(json.dumps(timings, indent=1).encode())


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size if path.is_file() else 0
