"""The sweepers of this project, where hydra looks for plugins; it imports this file at every start, so it is short."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

EXIT_USAGE = 2


class _Parts:
    """What hydra hands to a sweeper."""

    def __init__(self, context: HydraContext, task: TaskFunction, config: DictConfig) -> None:
        self.context = context
        self.config = config
        self.folder = Path(str(config.hydra.sweep.dir))
        self.launcher: Launcher = Plugins.instance().instantiate_launcher(
            hydra_context=context, task_function=task, config=config
        )

    def compose(self, words: list[str]) -> DictConfig:
        return self.context.config_loader.load_sweep_config(self.config, words)

    def parse(self, words: list[str]) -> list[Override]:
        return OverridesParser.create(config_loader=self.context.config_loader).parse_overrides(words)


class GridSweeper(Sweeper):
    """Runs all combinations of choices, those again that did not finish; see `hpa/sweeps/grid.py`."""

    def __init__(self) -> None:
        self._parts: _Parts | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what hydra hands over."""
        self._parts = _Parts(hydra_context, task_function, config)

    def sweep(self, arguments: list[str]) -> Any:
        """Run the sweep and end with its exit code.

        Raises:
            SweepEnd: Always.
        """
        from hpa.sweeps.grid import run_grid

        parts = self._parts
        assert parts is not None
        _end(lambda: run_grid(parts.parse(arguments), parts.folder, parts.compose, parts.launcher))


class OptunaSweeper(Sweeper):
    """Searches a space of settings by Optuna; see `hpa/sweeps/optuna_study.py` and conf/hydra/sweeper/optuna.yaml."""

    def __init__(self, params: Any, **settings: Any) -> None:
        self._params = {} if params is None else dict(params)
        self._settings = settings
        self._parts: _Parts | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what hydra hands over."""
        self._parts = _Parts(hydra_context, task_function, config)

    def sweep(self, arguments: list[str]) -> Any:
        """Run the study and end with its exit code.

        Raises:
            SweepEnd: Always.
        """
        from hpa.sweeps.optuna_study import StudySettings, run_study

        parts = self._parts
        assert parts is not None
        words = parts.parse([*(f"{key}={value}" for key, value in self._params.items()), *arguments])
        settings = StudySettings(**self._settings)
        _end(lambda: run_study(words, settings, parts.folder, parts.compose, parts.launcher))


def _end(run: Callable[[], int]) -> None:
    from hpa.core.errors import InputError
    from hpa.sweeps import SweepEnd

    try:
        code = run()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        code = EXIT_USAGE
    raise SweepEnd(code)
