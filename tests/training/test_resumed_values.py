"""Each value that `resume=` takes is seen in what is built from it: none is recorded and ignored."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from hpa.config import build, plain
from hpa.core.errors import InputError
from hpa.overrides import keys_of
from hpa.training.callbacks import RunProgress
from hpa.training.fit import Fit
from hpa.training.optimization import Optimization
from hpa.training.resuming import config_kept_unless_trained, require_effective
from hpa.training.run_folder import RunFolder

CHANGED: dict[str, Any] = {
    "trainer.max_epochs": 7,
    "trainer.accelerator": "mps",
    "trainer.devices": 2,
    "trainer.nodes": 2,
    "trainer.strategy": "fsdp",
    "trainer.precision": "bf16",
    "trainer.accumulate_batches": 3,
    "trainer.patience_epochs": 4,
    "trainer.limit_batches": 5,
    "trainer.ties": "val_loss",
    "trainer.deterministic": True,
    "trainer.detect_anomaly": True,
    "trainer.profiler": "simple",
    "trainer.arguments": {"max_steps": 9},
    "optimizer.optimizer.betas": [0.5, 0.6],
    "optimizer.learning_rate": 0.125,
    "optimizer.weight_decay": 0.25,
    "optimizer.average_decay": 0.5,
    "optimizer.schedule.warm_up_share": 0.5,
    "optimizer.schedule.final_share": 0.5,
    "optimizer.clipping.max_norm": 0.125,
    "loading.batch_cells": 3,
    "loading.cells_per_image": 3,
    "loading.field_batch_cells": 3,
    "loading.batch_tiles": 3,
    "loading.workers": 0,
    "augment.masked": False,
    "augment.transforms": [],
    "augment.any_angle": False,
    "augment.mirror": False,
    "augment.min_scale": 0.5,
    "augment.max_scale": 2.5,
    "batch_augment.steps": {"turn": {"_target_": "hpa.cells.batch_augment.d4.BatchD4", "symmetries": ["identity"]}},
    "data.root": "elsewhere",
    "logger.wandb.project": "p",
    "logger.wandb.entity": "e",
    "logger.wandb.name": "n",
    "logger.wandb.group": "g",
    "logger.wandb.job_type": "j",
    "logger.wandb.tags": ["t"],
    "logger.wandb.notes": "why",
    "logger.wandb.mode": "disabled",
    "logger.wandb.checkpoints": False,
    "store.folder": "elsewhere",
    "report": False,
}
"""Another value for each key that may change, of both tasks."""


@pytest.fixture(scope="module", params=["cells", "pixels"])
def config(request, composed) -> dict[str, Any]:
    words = (
        "data=kaggle_hpa",
        "data.root=somewhere",
        "logger=wandb",
        "trainer.accelerator=cpu",
        "report=true",
        "batch_augment=none",
    )
    shared = words if request.param == "cells" else words[:-1]
    return plain(composed("train", f"task={request.param}", *shared))


def with_value(config: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    copied = copy.deepcopy(config)
    *parents, last = key.split(".")
    node = copied
    for part in parents:
        node = node[part]
    node[last] = value
    return copied


def effective(config: dict[str, Any]) -> list[str]:
    """The keys that resume= takes."""
    keys = keys_of(config)
    taken = []
    for key in keys:
        if not any(other.startswith(f"{key}.") for other in keys):
            try:
                require_effective(config, with_value(config, key, 0.5 if key.endswith("decay") else "another"))
                taken.append(key)
            except InputError:
                pass
    return taken


def seen(config: dict[str, Any], slot: str, folder: Path) -> Any:
    """What a resumed run would do, of a slot of its config, in values that can be compared."""
    part = config[slot]
    if slot == "trainer":
        return of_trainer(build(part), folder)
    if slot == "optimizer":
        return of_optimization(build(part))
    if slot == "logger":
        return vars(build(part["wandb"]))
    if slot == "data":
        return build(part, channels=["green"]).root
    if slot == "report" or "_target_" not in part:
        return part
    return plain_values(build(part))


def plain_values(part: Any) -> Any:
    """The attributes of a part, and of parts in it."""
    if isinstance(part, list | tuple):
        return [plain_values(one) for one in part]
    return {name: plain_values(value) for name, value in vars(part).items()} if hasattr(part, "__dict__") else part


def of_trainer(fit: Fit, folder: Path) -> dict[str, Any]:
    devices = fit.devices
    fit.devices = type(devices)("cpu", 1, 1, "auto", devices.precision)  # there is one CPU here
    before = torch.are_deterministic_algorithms_enabled()
    try:
        trainer = fit.trainer([], [], folder)
        is_deterministic = torch.are_deterministic_algorithms_enabled()
    finally:
        torch.use_deterministic_algorithms(before)
    callbacks = fit.callbacks(folder, "val_loss", 0, RunProgress("cell", 1))
    return {
        "devices": (devices.accelerator, devices.count, devices.nodes, devices.strategy),
        "ends": (trainer.max_epochs, trainer.max_steps),
        "batches": (trainer.accumulate_grad_batches, trainer.limit_train_batches, trainer.limit_val_batches),
        "numbers": (trainer.precision, is_deterministic, trainer._detect_anomaly),
        "profiler": type(trainer.profiler),
        "callbacks": [(type(one), getattr(one, "patience", None), getattr(one, "ties", None)) for one in callbacks],
    }


def of_optimization(made: Optimization) -> dict[str, Any]:
    model = nn.Linear(2, 2)
    optimizer = made.build(model.named_parameters())
    groups = [{key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups]
    (schedule,) = {made.schedule.schedule(optimizer, 100).lr_lambdas[0]}
    rates = [schedule(step) for step in (0, 20, 60, 100)]
    model.weight.grad = torch.full((2, 2), 10.0)
    made.clip(model.named_parameters())
    return {"groups": groups, "rates": rates, "gradient": float(model.weight.grad.sum()), "decay": made.average_decay}


def test_every_value_that_is_taken_has_its_effect(config, tmp_path):
    keys = effective(config)
    assert set(keys) <= set(CHANGED)
    before = {slot: seen(config, slot, tmp_path) for slot in {key.partition(".")[0] for key in keys}}
    for key in keys:
        slot = key.partition(".")[0]
        assert repr(seen(with_value(config, key, CHANGED[key]), slot, tmp_path)) != repr(before[slot]), key


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("run_dir", "other", "resume= names the folder"),
        ("world.images", 3, "set data.images"),
        ("tags", ["x"], r"set logger\.wandb\.tags"),
        ("plugins", ["os"], "names its packages"),
        ("stages._target_", "hpa.stages.cross_validation.CrossValidation", "what the folder of the run holds"),
    ],
)
def test_what_a_run_takes_at_its_start_is_refused_before_its_first_epoch_too(config, key, value, words):
    wanted = with_value(config, key, value)
    for has_epoch in (False, True):
        with pytest.raises(InputError, match=f"resume=: {key}: .*{words}"):
            require_effective(config, wanted, has_epoch)
    require_effective(config, with_value(config, "seed", 5), has_epoch=False)


@pytest.mark.parametrize("key", ["folds.held_out", "folds.count", "loading.overfit_images"])
def test_the_images_that_choose_the_best_epoch_stay(config, key):
    with pytest.raises(InputError, match=f"resume=: {key}: scores of other images cannot be compared"):
        require_effective(config, with_value(config, key, 2))


def go_on(run: RunFolder, finish_epoch: bool) -> None:
    """Go on with a value that a part refuses later."""
    with config_kept_unless_trained(run):
        run.write_config({"data": {"root": "nowhere"}})
        if finish_epoch:
            run.checkpoints.mkdir()
            run.last_checkpoint.write_bytes(b"")
        raise InputError("no such folder")


def test_a_value_that_is_refused_does_not_stay_in_the_config(tmp_path):
    run = RunFolder(tmp_path)
    run.write_config({"data": {"root": "there"}})
    before = run.config_file.read_bytes()
    with pytest.raises(InputError):
        go_on(run, finish_epoch=False)
    assert run.config_file.read_bytes() == before
    with pytest.raises(InputError):
        go_on(run, finish_epoch=True)
    assert "nowhere" in run.config_file.read_text()
