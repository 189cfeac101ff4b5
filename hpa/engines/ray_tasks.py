"""`engine=ray`: tasks of a Ray cluster, or of this machine where no cluster is named.

A task is handed settings, never pixels: what Ray would copy through its object store is a dictionary. A task is lost
where its machine is; the others do its block, so Ray starts none again (its own retries repeat whole tasks).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hpa.core.errors import InputError
from hpa.engines.local import Work

_PATHS = {"out", "ckpt", "root", "folder", "weights"}
_logger = logging.getLogger(__name__)


class RayEngine:
    """Starts tasks, and waits for them.

    Args:
        tasks: How many.
        address: Of a cluster, `auto` for the one that this machine belongs to, None for a Ray of this command alone.
        cpus: Cores that each task reserves, and the threads of its networks.
        gpus: Devices that each task reserves; below 1 several tasks share one.
        resources: Further resources of the cluster that each task reserves.

    Raises:
        InputError: If Ray is missing, or a number is out of its range.
    """

    def __init__(self, tasks: int, address: str | None, cpus: int, gpus: float, resources: Mapping[str, float]) -> None:
        if tasks < 1 or cpus < 1 or gpus < 0:
            raise InputError(
                f"engine.tasks={tasks} engine.cpus={cpus} engine.gpus={gpus}: tasks and cpus of at least 1 and gpus of "
                "at least 0 are expected."
            )
        try:
            import ray
        except ImportError as error:
            raise InputError(
                "engine=ray needs the package ray: pip install 'hpa-cells[ray]', or choose engine=local."
            ) from error
        self._ray: Any = ray
        self._tasks, self._address, self._cpus, self._gpus = tasks, address, cpus, gpus
        self._resources = dict(resources)

    def run(self, work: Work, settings: Mapping[str, Any]) -> list[int]:
        """Run a function in every task; return the exit codes, 1 of a task that was lost.

        Raises:
            InputError: If other machines are named and a path is relative, there is no cluster at the address, or none
                of its machines has what a task reserves.
        """
        ray = self._ray
        if self._address is not None:
            _require_absolute(settings, "")
        # a Ray of this command alone has as many cores as its tasks reserve, whatever the machine has
        own = {"num_cpus": self._tasks * self._cpus, "include_dashboard": False} if self._address is None else {}
        try:
            ray.init(
                address=self._address or "local",
                log_to_driver=False,
                logging_level=logging.WARNING,
                runtime_env={
                    "env_vars": {name: value for name, value in os.environ.items() if name.startswith("HPA_")}
                },
                **own,
            )
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise InputError(
                f"engine.address={self._address}: no Ray answers there ({_first_line(error)}); start one by "
                "ray start --head, or leave the address out."
            ) from error
        try:
            self._require_room()
            task = ray.remote(
                num_cpus=self._cpus, num_gpus=self._gpus, resources=self._resources or None, max_retries=0
            )(_run)
            running = [task.remote(work, dict(settings), self._cpus) for _ in range(self._tasks)]
            return [self._code(number, one) for number, one in enumerate(running, start=1)]
        finally:
            ray.shutdown()

    def _require_room(self) -> None:
        needed = {"CPU": float(self._cpus), "GPU": self._gpus, **self._resources}
        largest = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        if not any(all(node.get(name, 0.0) >= number for name, number in needed.items()) for node in largest):
            raise InputError(
                f"engine.cpus={self._cpus} engine.gpus={self._gpus} engine.resources={self._resources}: no machine of "
                "the cluster has as much, so a task would wait for ever; reserve less."
            )

    def _code(self, number: int, running: Any) -> int:
        try:
            return int(self._ray.get(running))
        except self._ray.exceptions.RayError as error:
            _logger.warning("task %d was lost: %s", number, _first_line(error))
            return 1


def _require_absolute(value: Any, key: str) -> None:
    """Refuse paths that mean another place on another machine, whose tasks run in another folder."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            _require_absolute(part, f"{key}.{name}".lstrip("."))
    elif isinstance(value, list | tuple):
        for part in value:
            _require_absolute(part, key)
    elif key.rpartition(".")[2] in _PATHS and isinstance(value, str) and not _is_anywhere(value):
        raise InputError(
            f"{key}={value}: tasks of other machines run in other folders; write the whole path, "
            f"{Path(value).resolve()}, in a folder that all of them see."
        )


def _is_anywhere(path: str) -> bool:
    return "://" in path or Path(path).is_absolute()


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _run(work: Work, settings: Mapping[str, Any], threads: int) -> int:
    import torch

    torch.set_num_threads(threads)
    return work(settings)
