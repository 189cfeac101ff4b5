"""Every key of a config either changes a resumed run or is refused by name."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from hpa.config import build, build_nested, plain
from hpa.core.errors import InputError
from hpa.overrides import keys_of
from hpa.training.resuming import require_all_keys, require_effective, require_same_state

ROOT = Path(__file__).resolve().parents[2]

DECIDED = {
    task: {"task", "segmenter", "model", "loss", "supervision", "metric", "stages", "seed", "world", *own}
    for task, own in {"cells": ("crop", "field"), "pixels": ("tiles",)}.items()
}
"""Slots that the first epoch decides."""


@pytest.fixture(scope="module", params=["cells", "pixels"])
def config(request, composed):
    return plain(composed("train", f"task={request.param}", "data=kaggle_hpa", "data.root=somewhere", "logger=wandb"))


def changed(config: dict, key: str) -> dict:
    """The config with another value of a key."""
    copied = copy.deepcopy(config)
    node = copied
    *parents, last = key.split(".")
    for part in parents:
        node = node[part]
    node[last] = 0.5 if last == "average_decay" else "another"
    return copied


def leaves(config: dict) -> list[str]:
    keys = keys_of(config)
    return [key for key in keys if not any(other.startswith(f"{key}.") for other in keys)]


def test_the_same_values_are_taken(config):
    require_effective(config, copy.deepcopy(config))


def test_every_value_can_change_or_is_refused_by_name(config):
    refusals = {key: refusal(config, changed(config, key)) for key in leaves(config)}
    assert all(f"resume=: {key}: " in words for key, words in refusals.items() if words)
    refused = {key for key, words in refusals.items() if words}
    taken = set(refusals) - refused
    assert {key.partition(".")[0] for key in refused} >= DECIDED[config["task"]]
    assert not {key.partition(".")[0] for key in taken} & DECIDED[config["task"]]
    assert {"optimizer.learning_rate", "trainer.max_epochs", "loading.workers", "report", "data.root"} <= taken
    assert {"trainer.find_learning_rate", "run_dir", "optimizer.optimizer._target_"} <= refused


def refusal(saved: dict, wanted: dict) -> str:
    try:
        require_effective(saved, wanted)
    except InputError as error:
        return str(error)
    return ""


def test_parts_of_cells_whose_values_can_change_keep_no_state(composed):
    """A module among them would be restored from the checkpoint, over the new value."""
    for slot in ("augment", "batch_augment", "sampling"):
        for file in sorted((ROOT / "conf" / slot).glob("*.yaml")):
            if OmegaConf.load(file).get("_task_", "cells") == "cells":
                part = build(plain(composed("train", f"{slot}={file.stem}"))[slot])
                assert not isinstance(part, torch.nn.Module), f"{slot}={file.stem}"


def decay(config: dict, value: float) -> dict:
    return {"optimizer": config["optimizer"] | {"average_decay": value}}


@pytest.mark.parametrize(("before", "after"), [(0.0, 0.9), (0.9, 0.0)])
def test_averaging_cannot_begin_or_end_later(config, before, after):
    with pytest.raises(InputError, match=r"optimizer\.average_decay: the average of the weights is kept"):
        require_effective(config | decay(config, before), config | decay(config, after))


def test_keys_that_were_removed_from_the_config_are_named_with_their_values():
    trained = {"loss": {"gamma": 2.0, "alpha": None}, "seed": 0, "sampling": {"_target_": "x", "power": 0.5}}
    require_all_keys(trained | {"added": 1}, trained, Path("RUN/checkpoints/last.ckpt"))
    with pytest.raises(InputError, match="put them back, or start a new run") as caught:
        require_all_keys({"loss": {"alpha": None}, "seed": 0}, trained, Path("RUN/checkpoints/last.ckpt"))
    assert "RUN/config.yaml: lacks keys that last.ckpt was trained with (loss.gamma: 2.0; sampling: {" in str(
        caught.value
    )


def test_state_that_does_not_fit_is_refused_by_name(tmp_path):
    """As of a version whose strategy had no such head, or of a data set with more cells."""
    file = tmp_path / "last.ckpt"
    module = torch.nn.ModuleDict({"body": torch.nn.Linear(2, 3), "head": torch.nn.Linear(3, 1, bias=False)})
    state = module.state_dict()
    torch.save({"state_dict": state}, file)
    require_same_state(module, file)
    del state["head.weight"]
    torch.save({"state_dict": state | {"old.bias": torch.zeros(1), "body.bias": torch.zeros(4)}}, file)
    with pytest.raises(InputError, match="Begin a new run") as caught:
        require_same_state(module, file)
    assert str(file) in str(caught.value)
    for words in (r"lacks head.weight", "nothing here has its old.bias", "body.bias (there (4,), here (3,))"):
        assert words in str(caught.value)


@pytest.mark.parametrize("make", [build, build_nested])
def test_a_setting_that_an_older_config_lacks_is_named_with_what_to_do(make):
    with pytest.raises(InputError, match=r"(?s)missing.*'images'.*begin a new one"):
        make({"_target_": "hpa.supervision.label_rates.RatePrior", "share": 0.1})
