"""`engine=submitit`: the jobs of a SLURM array, or processes of this machine that stand in for them.

submitit (MIT) writes the job script, submits the array and keeps the logs. A job is lost where its machine is; the
others do its block, so nothing is submitted again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hpa.core.errors import InputError

_logger = logging.getLogger(__name__)


class SubmititEngine:
    """Submits jobs.

    Args:
        jobs: How many.
        cluster: `slurm`, `local` for processes of this machine, None for SLURM where there is one.
        folder: Of scripts and logs.
        wait: Whether to wait until the jobs end; else the command ends once they are submitted.
        parameters: Of `submitit.AutoExecutor`, e.g. timeout_min, cpus_per_task, gpus_per_node, slurm_partition.

    Raises:
        InputError: If submitit is missing, or there is no job to submit.
    """

    def __init__(self, jobs: int, cluster: str | None, folder: str, wait: bool, parameters: Mapping[str, Any]) -> None:
        if jobs < 1:
            raise InputError(f"engine.jobs={jobs}: at least one is expected.")
        self._jobs = jobs
        self._wait = wait
        self._folder = Path(folder)
        try:
            import submitit
        except ImportError as error:
            raise InputError(
                "engine=submitit needs the package submitit: pip install 'hpa-cells[slurm]', or choose engine=local."
            ) from error
        self._executor: Any = submitit.AutoExecutor(folder=str(self._folder), cluster=cluster)
        try:
            self._executor.update_parameters(**parameters)
        except (NameError, TypeError, ValueError) as error:
            raise InputError(f"engine.parameters: submitit refuses them ({error}).") from error

    def run(self, work: Callable[[Mapping[str, Any]], int], settings: Mapping[str, Any]) -> list[int]:
        """Run a function in every job; return the exit codes, 0 for each where they are not waited for."""
        with self._executor.batch():  # one array
            jobs = [self._executor.submit(work, settings) for _ in range(self._jobs)]
        _logger.info("%d jobs submitted, the first is %s; logs are in %s", len(jobs), jobs[0].job_id, self._folder)
        if not self._wait:
            return [0] * len(jobs)
        return [self._code(job) for job in jobs]

    def _code(self, job: Any) -> int:
        job.wait()
        error = job.exception()
        if error is None:
            return int(job.result())
        _logger.warning("job %s: %s", job.job_id, str(error).strip().splitlines()[-1])
        return 1
