"""The two command lines: hydra composes, errors are one sentence, exit codes mean what the README says."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from hpa.app.habits import with_own_words
from hpa.app.help_page import help_page, help_word
from hpa.app.idle_words import require_read
from hpa.app.signals import interrupting_signals
from hpa.app.streams import outlast_readers
from hpa.app.terminal import configure_logs, parts_in_words, show_config
from hpa.app.traces import trace_of
from hpa.config import Config, plain, require_task
from hpa.core.errors import InputError, UsageError, explained
from hpa.core.file_names import require_utf8
from hpa.core.paths import quote_paths
from hpa.core.plugins import name_plugins, plugin_configs, search_path_word
from hpa.core.project_folder import with_commands
from hpa.overrides import as_choice, last_values, reason_of_hydra
from hpa.suggestions import require_names, suggestions
from hpa.sweeps import SweepEnd
from hpa.sweeps.outcome import FAILED, FINISHED, INTERRUPTED, PRUNED, JobOutcome, read_outcome, write_outcome
from hpa.sweeps.plan import digest_of_config
from hpa.training.run_folder import RunFolder
from hpa.values import require_values

log = logging.getLogger(__name__)

_RAISES = "HYDRA_FULL_ERROR"  # lets hydra raise its errors
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


def train_main(root: Path) -> None:
    """Run `train.py` with the arguments of the command line, and exit."""
    outlast_readers()
    words = _own_words(root, "train")
    runs = [word.removeprefix("resume=") for word in words if word.startswith("resume=")]
    if runs and runs[-1] != "null":
        overrides = [word for word in words if not word.startswith(("resume=", "plugins="))]
        sys.exit(_shown_exit_code(lambda: _resume(runs[-1], overrides, root / "conf")))
    _compose_and_run(root, "train", _train)


def infer_main(root: Path) -> None:
    """Run `infer.py` with the arguments of the command line, and exit.

    The settings that there are depend on the task of the run, so that is read before they are composed.
    """
    outlast_readers()
    _own_words(root, "infer")

    def add_task() -> int:
        sys.argv[1:1] = task_words(sys.argv[1:])
        return 0

    if (code := exit_code(add_task)) and not _only_shows(sys.argv[1:]):
        sys.exit(code)
    _compose_and_run(root, "infer", _infer)


def _own_words(root: Path, script: str) -> list[str]:
    """Return the words of the command line in our own terms; exit after --help, or where a word has no meaning here."""

    def understand() -> int:
        words = sys.argv[1:]
        require_utf8()
        try:
            name_plugins(last_values(words, "plugins"))
            if (slot := help_word(words)) is not None:
                print(with_commands(help_page(root, script, slot)))
            else:
                sys.argv[1:] = with_own_words(script, words)
        except InputError as error:
            raise UsageError(str(error)) from error
        require_names(root, sys.argv[1:])
        return 0

    code = exit_code(understand)
    if code or help_word(sys.argv[1:]) is not None:
        sys.exit(code)
    return sys.argv[1:]


def task_words(words: Sequence[str]) -> list[str]:
    """Return the word that chooses the settings of infer.py, by the task of the runs that `ckpt=` names, if any.

    Raises:
        InputError: If a run cannot be read, or the runs are of different tasks.
    """
    paths = last_values(quote_paths(words), "ckpt")
    if not paths or any(word.startswith(("inference=", "--config-name", "-cn")) for word in words):
        return []
    log.info("reading %s; PyTorch is loaded first", ", ".join(paths))
    from hpa.app.members import members
    from hpa.inference.workload import require_task, task_of
    from hpa.models.saved_run import read_saved_run

    runs = [read_saved_run(path) for path in members(paths)]
    task = task_of(runs[0].config)
    require_task(runs, task)
    return [f"inference={task}"]


# torch and Lightning are imported once there is something to run: `--help` and misspelt words do not wait for them


def _train(config: DictConfig, root: Path) -> int:
    as_written = cast("Config", OmegaConf.to_container(config, resolve=False))  # values may refer to another task's
    _require_own_settings(as_written, root)
    composed = plain(config)
    require_values(composed)
    log.info("training: %s; PyTorch is loaded first", parts_in_words(_choices()))
    from hpa.app.train import require_runnable, train

    try:
        require_runnable(composed)
    except InputError as error:
        raise UsageError(str(error)) from error
    show_config(composed)
    return train(composed, _choices(), job_folder() if _is_sweep() else None)


def _require_own_settings(config: Config, root: Path) -> None:
    """Refuse what would do nothing to this task.

    Raises:
        UsageError: Naming each key or part, the task it serves, and what to do.
    """
    try:
        require_task(config, _choices())
    except InputError as error:
        raise UsageError(str(error)) from error
    require_read(root, "train", config, _words())


def _resume(run: str, overrides: list[str], conf: Path) -> int:
    from hpa.app.train import resume

    return resume(run, overrides, conf)


def _infer(config: DictConfig, root: Path) -> int:
    composed = plain(config)
    require_read(root, "infer", composed, _words())
    require_values(composed)
    show_config(composed)
    from hpa.app.infer import infer

    return infer(composed)


def exit_code(action: Callable[[], int], reasons: list[str] | None = None) -> int:
    """Run an action, print an error of the user as one sentence (and add it to the reasons), return the exit code."""
    configure_logs()
    try:
        with interrupting_signals():
            return action()
    except InputError as error:
        print(f"error: {with_commands(str(error))}", file=sys.stderr)
        if reasons is not None:
            reasons.append(str(error))
        return EXIT_USAGE if isinstance(error, UsageError) else EXIT_FAILED
    except (OSError, MemoryError) as error:
        if (reason := explained(error)) is None:
            raise
        print(f"error: {reason}", file=sys.stderr)
        if reasons is not None:
            reasons.append(reason)
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _shown_exit_code(action: Callable[[], int]) -> int:
    """Return the exit code of an action as `exit_code`; of a fault, e.g. in a user's own loss, print where it lies."""
    try:
        return exit_code(action)
    except Exception as error:
        print(trace_of(error), file=sys.stderr, end="")
        return EXIT_FAILED


def _compose_and_run(root: Path, name: str, run: Callable[[DictConfig, Path], int]) -> None:
    os.environ.setdefault("HPA_ROOT", str(root))
    words = quote_paths([as_choice(word, root / "conf") for word in sys.argv[1:]])
    added = [*_sweeper_words(words), *([search_path_word(root)] if plugin_configs() else [])]
    flags_first = sorted([*added, *words], key=lambda word: word not in ("-m", "--multirun"))
    sys.argv[1:] = flags_first  # hydra takes no word after a flag that follows other words
    codes: list[int] = []
    before = os.environ.get(_RAISES, "0")
    os.environ[_RAISES] = "1"  # else it prints what it could not compose, with remedies that do not fit here

    def job(config: DictConfig) -> float | None:
        os.environ[_RAISES] = before  # for the processes of a job
        if _is_sweep():
            return run_job(lambda: run(config, root), job_folder(), config)
        codes.append(EXIT_FAILED)  # stays where the run breaks: then no word was misspelt
        codes[-1] = _shown_exit_code(lambda: run(config, root))
        return None

    try:
        with interrupting_signals():  # a sweep stops its jobs too
            hydra.main(version_base="1.3", config_path=str(root / "conf"), config_name=name)(job)()
    except SweepEnd:
        raise
    except SystemExit as stop:
        if stop.code and not codes:  # hydra has printed which option it does not know
            sys.exit(EXIT_USAGE)
        raise
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        if codes or before == "1":
            raise
        reason = " ".join(suggestions(root, name, words)) or f"{' '.join(words)}: {reason_of_hydra(error)}"
        print(f"error: {with_commands(reason)}", file=sys.stderr)
        sys.exit(EXIT_USAGE)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    finally:
        os.environ[_RAISES] = before
    sys.exit(max(codes, default=0))


def _only_shows(words: Sequence[str]) -> bool:
    """Return whether hydra prints something instead of running."""
    return any(word.startswith(("--cfg", "-c", "--info", "--help", "-h", "--version")) for word in words)


def _words() -> list[str]:
    """Return the words of this job as they were typed: a value that refers to another one is no reference here."""
    return cast("list[str]", OmegaConf.to_container(HydraConfig.get().overrides.task, resolve=False))


def _choices() -> dict[str, str]:
    """Return which file fills each slot."""
    return {str(slot): str(choice) for slot, choice in HydraConfig.get().runtime.choices.items()}


def _sweeper_words(words: Sequence[str]) -> list[str]:
    """Return the word that chooses the sweeper of a search space; a recipe cannot, as hydra reads its own first."""
    searches = any(word.startswith("hparams_search=") and not word.endswith("=null") for word in words)
    return ["hydra/sweeper=optuna"] if searches and not any(word.startswith("hydra/sweeper=") for word in words) else []


def _is_sweep() -> bool:
    return bool(HydraConfig.get().mode == RunMode.MULTIRUN)


def job_folder() -> Path:
    """Return the folder of this job of a sweep."""
    settings = HydraConfig.get()
    return Path(settings.sweep.dir) / settings.sweep.subdir


def run_job(action: Callable[[], int], folder: Path, config: DictConfig) -> float | None:
    """Run a job of a sweep, leave its outcome in its folder, and return the monitored score, None where there is none.

    A job that fails returns too, whatever the reason, so that a launcher goes on with the others.

    Raises:
        SystemExit: If it was interrupted: the rest of the sweep is not started.
    """
    before = read_outcome(folder)
    digest = before.digest if before else digest_of_config(plain(config))
    outcome = JobOutcome(before.overrides if before else tuple(_words()), digest)
    write_outcome(folder, outcome)
    reasons: list[str] = []
    try:
        code = exit_code(action, reasons=reasons)
    except Exception as error:  # a fault of ours; shown as it is, and the others go on
        print(trace_of(error), file=sys.stderr, end="")
        code, reasons = EXIT_FAILED, [f"{type(error).__name__}: {error}"]
    facts = RunFolder(folder).facts()
    pruned = PRUNED if facts.get("pruned") else FINISHED
    state = {0: pruned, EXIT_INTERRUPTED: INTERRUPTED}.get(code, FAILED)
    reason = None if code == 0 else (reasons or [f"exit code {code}"])[0]
    scores = facts.get("scores", {}) if code == 0 else {}
    outcome = replace(outcome, state=state, code=code, reason=reason, monitor=facts.get("monitor"), scores=scores)
    write_outcome(folder, outcome)
    if code == EXIT_INTERRUPTED:
        sys.exit(EXIT_INTERRUPTED)
    return outcome.score
