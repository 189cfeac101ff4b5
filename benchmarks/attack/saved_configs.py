"""Configs as a stranger's checkpoint may carry them: what runs or looks up anything is refused."""

from __future__ import annotations

import copy
import os
import sys
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import torch
from hydra import compose, initialize_config_dir

from benchmarks.attack.coco_files import places_of
from benchmarks.attack.figures import Figures, Outcome, WrongSuccessError
from benchmarks.attack.isolation import run_isolated
from hpa.config import build, plain
from hpa.core.errors import InputError
from hpa.models.saved_run import read_saved_run
from hpa.targets import require_safe

TRIES = 20_000
_ROOT = Path(__file__).parents[2]
_BUILT = ("loss", "metric", "sampling")
_CHECKPOINT_SHARE = 0.1
_UNUSED_MODULES = ("antigravity", "this", "turtledemo", "lib2to3", "idlelib", "pydoc_data.topics")
"""Modules that nothing else imports, so that their import shows."""
_HOSTILE_TARGETS = (
    *("os.mkdir", "os.system", "subprocess.run", "builtins.eval", "builtins.open", "torch.load", "torch.hub.load"),
    *(
        "pandas.read_pickle",
        "numpy.load",
        "joblib.load",
        "shutil.copyfile",
        "pathlib.Path.write_text",
        "hydra.utils.call",
    ),
    *(
        "hpa.os.system",
        "hpa.core.whole_file.os.mkdir",
        "hpa.losses.focal.torch.load",
        "hpa.losses.focal.FocalLoss.__init__",
    ),
    *("albumentations.Lambda", "albumentations.ReplayCompose", "torch.optim.sgd.torch.load", "hpa.commands.score.run"),
    *(
        "hpa.cli.main",
        "hpa.losses..focal.FocalLoss",
        "hpa.losses.focal.FocalLoss ",
        "HPA.losses.focal.FocalLoss",
        "..x",
    ),
    *("hpa.losses.focal.FocalLoss\n", "hpa/losses/focal.FocalLoss", "hpa.losses.../../tests.x", "", "x" * 10_000),
    *(f"{module}.X" for module in _UNUSED_MODULES),
)
_INTERPOLATIONS = (
    *("${oc.env:HOME}", "${oc.create:{_target_: os.system}}", "a ${seed}", "${", "$${x}", "${oc.decode:'1'}", "\\${x}"),
    *("${oc.deprecated:x}", "${hydra:runtime.cwd}", "${.x}"),
)
_INSTRUCTIONS = ("_args_", "_convert_", "_mode_", "_call_", "_recursive_", "_partial_", "__class__", "_x")
_VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 1, 2**63, 2**64, 10**400, 1e308, float("nan"), float("inf"), "", "x", "1", "null", "\0"),
    *([], {}, [[]], {"a": {}}, [1, 2], "é", "../../x", ".", "a" * 100_000, b"bytes", (1,), 1j),
)


def run(seed: int, seconds: float) -> Figures:
    """Try configs."""
    return run_isolated(__name__, seed, seconds, tries=TRIES, memory_mb=2048, hang_seconds=60)


def attempt(random: Random, folder: Path) -> Outcome:
    """Check one config, through a checkpoint now and then, and build some parts of it."""
    config: Any = copy.deepcopy(sound_config())
    trap = folder / "trap"
    for _ in range(random.choice([1, 1, 2, 4])):
        _damage(random, config, trap)
    refusal = _refusal(random, config, folder)
    if trap.exists() or any(module in sys.modules for module in _UNUSED_MODULES):
        raise WrongSuccessError("a config ran or imported what it named")
    if refusal is not None:
        raise refusal
    if _is_hostile(config):
        raise WrongSuccessError("a config that names code or looks something up was accepted")
    for slot in _BUILT:
        if isinstance(config.get(slot), dict) and "_target_" in config[slot]:
            build(config[slot])
    return Outcome.ACCEPTED


def _refusal(random: Random, config: Any, folder: Path) -> InputError | None:
    """Return with which error a config is refused, None where it is taken."""
    try:
        if random.random() < _CHECKPOINT_SHARE:
            path = folder / "run.ckpt"
            facts = {"config": config, "channels": ["green"], "class_names": ["a"]}
            torch.save({"hpa": facts, "state_dict": {}, "epoch": 0}, path)
            read_saved_run(path)
        else:
            require_safe(config, "run.ckpt")
    except InputError as error:
        return error
    return None


@cache
def sound_config(*words: str) -> dict[str, Any]:
    """Return the config of a training as train.py resolves it."""
    os.environ.setdefault("HPA_ROOT", str(_ROOT))
    with initialize_config_dir(str(_ROOT / "conf"), version_base="1.3"):
        return plain(compose("train", ["data=synthetic", "run_dir=run", *words]))


def _is_hostile(config: Any) -> bool:
    """Whether a config names what no training names, or holds what is looked up when it is read."""
    sound = {parent[key] for parent, key in places_of(sound_config()) if key == "_target_"}
    for parent, key in places_of(config):
        value = parent[key]
        if key == "_target_" and not (isinstance(value, str) and value in sound):
            return True
        if isinstance(key, str) and key.startswith("_") and key not in ("_target_", "_task_", "_partial_"):
            return True
        if isinstance(value, bytes | complex) or (isinstance(value, str) and "${" in value):
            return True
    return False


def _damage(random: Random, config: dict[str, Any], trap: Path) -> None:
    """Change one place of a config."""
    places = [(parent, key) for parent, key in places_of(config) if key != "_target_"]
    targets = [parent for parent, key in places_of(config) if key == "_target_"]
    parent, key = random.choice(places)
    match random.randrange(7):
        case 0 if targets:
            random.choice(targets)["_target_"] = random.choice(_HOSTILE_TARGETS)
        case 1:
            parent[key] = {"_target_": random.choice(["os.mkdir", "pathlib.Path.mkdir"]), "path": str(trap)}
        case 2:
            parent[key] = random.choice(_INTERPOLATIONS)
        case 3 if targets:
            name = random.choice(_INSTRUCTIONS)
            random.choice(targets)[name] = random.choice(["all", [1], {"x": 1}])
        case 4:
            node: Any = 1
            for _ in range(random.choice([50, 150])):
                node = [node] if random.random() < 0.5 else {"a": node}
            parent[key] = node
        case 5:
            if isinstance(parent, dict):
                del parent[key]
        case _:
            parent[key] = copy.deepcopy(random.choice(_VALUES))
