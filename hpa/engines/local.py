"""`engine=local`: several processes on this machine."""

from __future__ import annotations

import logging
import multiprocessing
import os
from collections.abc import Callable, Mapping
from typing import Any

from hpa.core.errors import InputError

Work = Callable[[Mapping[str, Any]], int]
"""What a process runs: it is given the settings and returns an exit code."""
_logger = logging.getLogger(__name__)


class LocalEngine:
    """Starts processes, and waits for them.

    Args:
        processes: How many.
        threads: Of each in its networks; None divides the cores among them.

    Raises:
        InputError: If a number is not positive.
    """

    def __init__(self, processes: int, threads: int | None) -> None:
        if processes < 1 or (threads is not None and threads < 1):
            raise InputError(
                f"engine.processes={processes} engine.threads={threads}: numbers of at least 1 are expected."
            )
        self._processes = processes
        self._threads = threads or max(1, (os.cpu_count() or 1) // processes)

    def run(self, work: Work, settings: Mapping[str, Any]) -> list[int]:
        """Run a function in every process; return the exit codes, negative ones of processes that were killed."""
        context = multiprocessing.get_context("spawn")
        arguments = (work, settings, self._threads)
        processes = [context.Process(target=_run, args=arguments, name=f"{n + 1}") for n in range(self._processes)]
        try:
            for process in processes:
                process.start()
            for process in processes:
                process.join()
        finally:
            for process in processes:
                if process.is_alive():
                    process.terminate()
                    process.join()
        for process in processes:
            if process.exitcode is not None and process.exitcode < 0:
                _logger.warning("process %s was ended by signal %d", process.name, -process.exitcode)
        return [process.exitcode or 0 for process in processes]


def _run(work: Work, settings: Mapping[str, Any], threads: int) -> None:
    import torch

    torch.set_num_threads(threads)
    raise SystemExit(work(settings))
