"""A training: the task assembles the parts, the trainer fits them, the task writes the results."""

from __future__ import annotations

import contextlib
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from typing import Any

from hpa.app.first_look import FIRST_IMAGE, report_images
from hpa.app.fitting import TASKS, assemble, fit_parts, launch_of, run_of_launch, seed, train_rank
from hpa.app.signals import is_requeued
from hpa.app.task import Parts
from hpa.config import Config, build, require_task
from hpa.core.errors import InputError
from hpa.core.file_lock import Lock
from hpa.core.paths import named_paths
from hpa.core.plugins import plugins_of
from hpa.overrides import differing_keys, with_values
from hpa.reports.page import PAGE
from hpa.reports.summary import cut_validation
from hpa.results.run_facts import go_on, predict, validation_batches
from hpa.stages.chain import open_or_create, open_stage
from hpa.stages.single import Stages
from hpa.sweeps.pruning import reports_of
from hpa.training.checkpoint import RunCheckpoints
from hpa.training.fit import Fit
from hpa.training.launch import MODULE as RANK_MODULE
from hpa.training.launch import announce_run, leave_group, other_ranks
from hpa.training.metrics_file import METRICS, read_metrics
from hpa.training.overfitting import overfitting
from hpa.training.own_paths import require_own_paths, with_paths_of
from hpa.training.provenance import record
from hpa.training.resuming import config_kept_unless_trained, require_effective
from hpa.training.run_folder import RunFolder, discard, has_epoch, sweep_finished
from hpa.training.standstill import standstill
from hpa.training.tracking import tracked
from hpa.training.validation_batches import batches_of_validation
from hpa.values import require_values

log = logging.getLogger(__name__)


def train(config: Config, choices: dict[str, str], sweep_folder: Path | None) -> int:
    """Train a new run, or go on with a chain that the same command began, and return the exit code.

    Raises:
        InputError: If a part serves another task, the folder holds another run, or the training cannot go on.
    """
    config.pop("hydra", None)
    config["plugins"] = plugins_of(config)  # what infer.py expects to be named
    require_task(config, choices)
    require_runnable(config)
    name = f"{choices['model']}_{choices['loss']}"
    stages: Stages = build(config["stages"])
    fit: Fit = build(config["trainer"])
    launch = launch_of(fit, stages)
    if launch is not None and launch.rank:
        return train_rank(run_of_launch(config["run_dir"], launch))
    goes_on = stages.is_chain or is_requeued() or sweep_folder is not None
    run = (open_or_create if goes_on else RunFolder.create)(config, name, sweep_folder)
    if sweep_folder is not None and run.facts().get("finished"):  # its job was killed just before its end
        sweep_finished(run)
        print(f"{run.path}: is finished already.")
        return 0
    if sweep_folder is not None and fit.devices.are_several:
        return _train_apart(run)
    try:
        with run.held() as lock, _discarded_without_epoch(run):
            return _run_stages(stages, config, run, lock, is_job=sweep_folder is not None)
    finally:
        with contextlib.suppress(OSError):  # it is not empty
            run.path.rmdir()


def _train_apart(run: RunFolder) -> int:
    """Train a run of several devices in processes of its own: a sweep has none to share."""
    with subprocess.Popen([sys.executable, "-m", RANK_MODULE, str(run.path)]) as first:
        try:
            return first.wait()
        except KeyboardInterrupt:  # it ends the others in order
            first.terminate()
            return first.wait()


@contextlib.contextmanager
def _discarded_without_epoch(run: RunFolder) -> Iterator[None]:
    """Leave nothing of a run that fails before its first epoch is finished; one that is interrupted may go on."""
    had = has_epoch(run)
    try:
        yield
    except Exception:
        if not had and not has_epoch(run, in_scores=False):  # its scores alone are of no use
            discard(run)
        raise


def require_runnable(config: Config) -> None:
    """Refuse a trainer that this machine cannot run, before anything is made.

    Raises:
        InputError: Naming the setting and what to write.
    """
    fit: Fit = build(config["trainer"])
    fit.require_devices()


def resume(path: str, overrides: list[str], conf: Path) -> int:
    """Go on with a run after its last finished epoch; values may be changed, parts may not.

    Raises:
        InputError: If the folder holds no run, a value cannot be changed, or the training cannot go on.
    """
    run = RunFolder.open(path)
    require_own_paths(run.config_file, run.config(), overrides)
    config = with_values(run.config(), overrides, conf)
    require_values(config)
    require_runnable(config)
    stages: Stages = build(config["stages"])
    paths = {key for key, _ in named_paths(run.config())}
    if stages.is_chain and (others := sorted({*differing_keys(run.config(), config)} - paths)):
        raise InputError(
            f"{run.path}: a chain of trainings goes on with the values that it was started with, only its files and "
            f"folders may move; {', '.join(others)} would change: start a new one for other values."
        )
    launch = launch_of(build(config["trainer"]), stages)
    if launch is not None and launch.rank:
        return train_rank(run_of_launch(path, launch))
    changed = differing_keys(run.config(), config)
    if not stages.is_chain:
        require_effective(run.config(), config, has_epoch=run.newest_checkpoint() is not None)
    facts = run.facts()
    if facts.get("finished") and config["trainer"]["max_epochs"] <= facts["max_epochs"]:
        if changed:
            raise InputError(
                f"{run.path}: is finished after {_epochs(facts['epochs'])}, and {', '.join(changed)} would do nothing; "
                f"trainer.max_epochs={facts['max_epochs'] + 1} or more trains on."
            )
        sweep_finished(run)
        more = "" if stages.is_chain else "; trainer.max_epochs=N trains on"
        print(f"{run.path}: finished after {_epochs(facts['epochs'])}{more}.")
        return 0
    with run.held() as lock, config_kept_unless_trained(run):
        run.write_config(config)
        return _run_stages(stages, config, run, lock)


def _run_stages(stages: Stages, config: Config, run: RunFolder, lock: Lock, is_job: bool = False) -> int:
    run.sweep()
    try:
        if not stages.is_chain:
            code = stages.run(config, run.path, lambda config, folder: _train_run(config, RunFolder(folder), lock))
        else:
            code = stages.run(config, run.path, _train_stage)
    except KeyboardInterrupt:  # while data were prepared, or results written
        print(f"interrupted; go on with: {go_on(run)}", file=sys.stderr)
        raise
    if stages.is_chain:
        print(
            f"chain  {run.path}"
            if code == 0
            else f"the chain is not finished; go on with resume={quote(str(run.path))}"
        )
    is_usable = code == 0 and not config["loading"].get("overfit_images")
    if is_usable and not is_job:
        _print_next(run)
    return code


def _train_stage(config: Config, folder: Path) -> int:
    """Train a stage of a chain unless it is finished; one that was started keeps the values of its config."""
    run = open_stage(config, folder)
    if run.facts().get("finished"):
        sweep_finished(run)
        return 0
    own = with_paths_of(run.config(), config, run.path)
    with run.held() as lock:
        run.write_config(own)
        run.sweep()
        return _train_run(own, run, lock)


def _train_run(config: Config, run: RunFolder, lock: Lock) -> int:
    seed(config)
    checkpoint = run.newest_checkpoint()
    if checkpoint is not None and checkpoint != run.last_checkpoint:
        log.warning(
            "%s is lost; going on from %s, later epochs are trained again", run.last_checkpoint, checkpoint.name
        )
    if checkpoint is None and (run.path / "metrics.csv").is_file():
        log.warning("%s: no checkpoint is left; the run starts again at its first epoch", run.path)
    parts = assemble(config, checkpoint)
    report_images(parts.data.table, build(config["data"]), run.path / "pictures" / FIRST_IMAGE)
    record(run, parts.images, parts.data.folds, parts.teachers)
    run.write_facts({"class_names": list(parts.data.table.class_names)})
    _log_start(parts, run)
    if parts.fit.find_learning_rate and checkpoint is None:
        _find_learning_rate(config, parts, run)
    with tracked(config["logger"] or {}, run, config) as loggers:
        return _fit_and_finish(config, parts, run, checkpoint, lock, loggers)


def _fit_and_finish(
    config: Config,
    parts: Parts,
    run: RunFolder,
    checkpoint: Path | None,
    lock: Lock,
    loggers: list[Any],
) -> int:
    reports = reports_of(run.path, f"val_{parts.module.validation.monitor}")
    launch = launch_of(parts.fit)
    if launch is not None:
        announce_run(run.path, launch)
    with other_ranks(run.path, parts.fit.devices.count if launch is None else 1):
        trainer = fit_parts(config, parts, run, checkpoint, lock, loggers, reports)
    leave_group()
    if trainer.interrupted:
        print(f"interrupted; {kept_of(run)} with: {go_on(run)}", file=sys.stderr)
        return 130
    best_epoch = _write_scores(run, trainer)
    if reports is not None and reports.is_pruned:
        run.write_facts({"pruned": trainer.current_epoch})
        print(f"run  {run.path}  stopped early: its scores fall behind those of other trials")
        return 0
    overfits = bool(config["loading"].get("overfit_images"))
    if not overfits:  # else nothing was held out
        _warn_of_standstill(run, parts)
        TASKS[config["task"]].write_results(run, config, parts, loggers)
    run.write_facts({"finished": True, "epochs": trainer.current_epoch, "max_epochs": parts.fit.max_epochs})
    print(f"run  {run.path}  {best_in_words(run.facts(), best_epoch)}")
    return _report_overfitting(run) if overfits else 0


def kept_of(run: RunFolder) -> str:
    """Return in words what an interrupted training has kept, and what resuming it does."""
    if run.newest_checkpoint() is None:
        return "no epoch was finished, so nothing is saved. Start it again"
    return "the last finished epoch is saved. Go on"


def _warn_of_standstill(run: RunFolder, parts: Parts) -> None:
    """Warn where the held-out score never moved."""
    fold = parts.data.table.frame["fold"]
    held_out = int((fold == parts.data.folds.held_out).sum())
    history = read_metrics(run.path / METRICS)
    if warning := standstill(history, run.facts()["monitor"], len(fold) - held_out, held_out):
        log.warning("%s", warning)


def best_in_words(facts: dict[str, Any], epoch: int) -> str:
    """Return the best epoch of a finished run with its score, and whether all of the validation set gave it."""
    name = facts["monitor"] if facts["monitor"] in facts["scores"] else "val_loss"
    score = f", {name} {facts['scores'][name]:.4f}" if name in facts["scores"] else ""
    cut = cut_validation(validation_batches(facts))
    return "".join([f"best epoch {epoch} of {facts['epochs']}{score}", *(f" ({remark})" for remark in cut)])


def _print_next(run: RunFolder) -> None:
    """Print where the page of a finished run lies, and what comes next."""
    if (run.path / PAGE).is_file():
        print(f"page  {run.path / PAGE}")
    print(f"next  {predict(run)}")


def _report_overfitting(run: RunFolder) -> int:
    """Print whether a handful of examples was learned by heart, and return the exit code: 1 if not."""
    found = overfitting(read_metrics(run.path / METRICS), run.facts()["monitor"])
    print(found.sentence)
    return 0 if found.is_learned else 1


def _write_scores(run: RunFolder, trainer: Any) -> int:
    """Keep the scores of the best epoch beside the config, for whoever compares runs, and return its number."""
    (best,) = (callback for callback in trainer.callbacks if isinstance(callback, RunCheckpoints))
    batches = batches_of_validation(trainer)
    run.write_facts({"monitor": best.monitor, "scores": best.best_scores, "validation_batches": batches})
    return best.best_epoch + 1


def _find_learning_rate(config: Config, parts: Parts, run: RunFolder) -> None:
    rate = parts.fit.suggest_learning_rate(parts.module, parts.data, run.path)
    parts.module.learning_rate = rate
    config["optimizer"]["learning_rate"] = rate
    run.write_config(config)


def _log_start(parts: Parts, run: RunFolder) -> None:
    size = sum(p.numel() for p in parts.module.model.parameters()) / 1e6
    log.info("run %s: %s, %.1f M parameters", run.path, parts.description, size)


def _epochs(count: int) -> str:
    return f"{count} epoch{'' if count == 1 else 's'}"
