"""The two command lines: hydra composes, errors are told in words, exit codes mean what the README says."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from hpa.config import Config, as_choice, keys_of, nearest, plain
from hpa.core.errors import InputError

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


def train_main(root: Path) -> None:
    """Run `train.py` with the arguments of the command line, and exit."""
    words = sys.argv[1:]
    runs = [word.removeprefix("resume=") for word in words if word.startswith("resume=")]
    if runs and runs[-1] != "null":
        overrides = [word for word in words if not word.startswith("resume=")]
        sys.exit(told(lambda: _resume(runs[-1], overrides, root / "conf")))
    _compose_and_run(root, "train", _train)


def infer_main(root: Path) -> None:
    """Run `infer.py` with the arguments of the command line, and exit."""
    _compose_and_run(root, "infer", _infer)


# torch and Lightning are imported once there is something to run: `--help` and misspelt words do not wait for them


def _train(config: DictConfig) -> int:
    from hpa.app.train import train

    return train(plain(config), _choices(), _sweep_folder())


def _resume(run: str, overrides: list[str], conf: Path) -> int:
    from hpa.app.train import resume

    return resume(run, overrides, conf)


def _infer(config: DictConfig) -> int:
    from hpa.app.infer import infer

    return infer(plain(config))


def told(action: Callable[[], int]) -> int:
    """Run an action; tell a user's error in its own words, and return the exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    logging.getLogger("hpa").setLevel(logging.INFO)
    try:
        return action()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _compose_and_run(root: Path, name: str, task: Callable[[DictConfig], int]) -> None:
    os.environ.setdefault("HPA_ROOT", str(root))
    sys.argv[1:] = [as_choice(word, root / "conf") for word in sys.argv[1:]]
    codes: list[int] = []

    def job(config: DictConfig) -> None:
        codes.append(EXIT_FAILED)  # stands where the task breaks: then hydra shows where, and no word was misspelt
        codes[-1] = told(lambda: task(config))
        if codes[-1] == EXIT_INTERRUPTED:
            sys.exit(EXIT_INTERRUPTED)  # the rest of a sweep is not started

    try:
        hydra.main(version_base="1.3", config_path=str(root / "conf"), config_name=name)(job)()
    except SystemExit as stop:
        if stop.code and not codes:  # hydra has said what it could not compose
            _suggest(root, name)
            sys.exit(EXIT_USAGE)
        raise
    asked_to_show = any(
        word.startswith(("--cfg", "-c", "--info", "--help", "-h", "--version")) for word in sys.argv[1:]
    )
    if not codes and not asked_to_show:
        print(
            "error: this sweep has no job; name choices with commas, e.g. -m model=resnet18,resnet50", file=sys.stderr
        )
        sys.exit(EXIT_USAGE)
    sys.exit(max(codes, default=0))


def _suggest(root: Path, name: str) -> None:
    """Say which keys or choices the words of the command line may have meant."""
    with hydra.initialize_config_dir(str(root / "conf"), version_base="1.3"):
        config = hydra.compose(name, return_hydra_config=False)
    known = keys_of(cast("Config", OmegaConf.to_container(config, resolve=False)))
    for word in sys.argv[1:]:
        key, _, value = word.lstrip("+").partition("=")
        folder = root / ("experiments" if key == "experiments" else f"conf/{key}")
        choices = [str(file.relative_to(folder).with_suffix("")) for file in folder.rglob("*.yaml")]
        if choices:
            meant = [] if value in [*choices, "null"] else [f"{key}={choice}" for choice in nearest(value, choices)]
        else:
            meant = [] if key in known else nearest(key, known)
        if meant:
            print(f"'{word}': did you mean {' or '.join(meant)}?", file=sys.stderr)


def _choices() -> dict[str, str]:
    """Return which file fills each slot."""
    return {str(slot): str(choice) for slot, choice in HydraConfig.get().runtime.choices.items()}


def _sweep_folder() -> Path | None:
    """Return the folder of this job of a sweep; None outside sweeps."""
    settings = HydraConfig.get()
    if settings.mode != RunMode.MULTIRUN:
        return None
    return Path(settings.sweep.dir) / settings.sweep.subdir
