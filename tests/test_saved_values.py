"""Each value of a config that a training saved, in place of it one of another type: refused by its key."""

import copy
import importlib
from collections.abc import Iterator
from typing import Any, get_type_hints

import pytest

from hpa.core.errors import InputError
from hpa.core.setting_types import fits
from hpa.values import SETTINGS, require_saved
from tests.test_configs import composed

OTHERS: list[Any] = ["yes", 1.5, True, None, 3, [1], ["a"], {"a": 1}, -1, float("nan"), 1e300]
RUNS = {
    "cells": [],
    "field": ["model/view=whole_image", "supervision=pseudo_label", "stages=rounds"],
    "pixels": ["task=pixels", "data=kaggle_hpa", "logger=[csv,wandb]"],
    "detector": ["task=pixels", "model=mask_rcnn", "data=instance_folder", "callbacks=early_stopping"],
}


def leaves(node: Any, path: tuple = (), part: Any = None) -> Iterator[tuple[tuple, Any, Any]]:
    """Path of each value of our parts and of the settings of no part, the part that it belongs to, and the value."""
    for name, value in node.items():
        if str(name).startswith("_"):
            continue
        owner = node if "_target_" in node else part
        if isinstance(value, dict):
            yield from leaves(value, (*path, name), None if "_target_" in value else owner)
        elif owner is None or owner["_target_"].startswith("hpa."):
            yield (*path, name), owner, value


def type_of(path: tuple, part: Any) -> Any:
    if part is None:
        return SETTINGS[".".join(path)]
    module, _, name = part["_target_"].rpartition(".")
    return get_type_hints(vars(importlib.import_module(module))[name].__init__).get(path[-1], Any)


def changed(config: Any, path: tuple, value: Any) -> Any:
    copied = {path[0]: copy.deepcopy(config[path[0]])}  # its slot alone: all of them take seconds
    node = copied
    for name in path[:-1]:
        node = node[name]
    node[path[-1]] = value
    return copied


def refusal(config: Any) -> str:
    try:
        require_saved(config, "run.ckpt")
    except InputError as error:
        return str(error)
    return ""


def fit_for(value: Any, expected: Any, name: str) -> bool:
    number = value[0] if isinstance(value, list) else value
    is_number = isinstance(number, int | float) and not isinstance(number, bool)
    return fits(value, expected) and (expected is Any or not is_number or number in (3, 1.5, 1) or name == "devices")


@pytest.mark.parametrize("words", RUNS.values(), ids=RUNS)
def test_a_value_of_another_type_is_refused_by_its_key(words):
    config = composed("train", words)
    require_saved(config, "run.ckpt")
    refused = taken = 0
    for path, part, value in leaves(config):
        if isinstance(value, list) and any(isinstance(one, dict) for one in value):  # parts: their values are leaves
            continue
        expected = type_of(path, part)
        for other in OTHERS:
            told = refusal(changed(config, path, copy.deepcopy(other)))
            refused, taken = refused + bool(told), taken + (not told)
            is_by_name = told.startswith("run.ckpt: ") and ".".join(path) in told
            assert is_by_name or (not told and fit_for(other, expected, path[-1])), (
                f"{path}={other} as a {expected}: {told}"
            )
    assert refused > 5 * taken > 0


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"augment": {"transforms": [{"_target_": "albumentations.CLAHE", "tile_grid_size": [8, 10**9]}]}}, "65,535"),
        ({"augment": {"transforms": [{"_target_": "albumentations.CLAHE", "metadata": "../x"}]}}, "no file or address"),
        ({"optimizer": {"optimizer": {"_target_": "torch.optim.SGD", "momentum": 1e300}}}, "65,535"),
        ({"callbacks": {"a": {"_target_": "pytorch_lightning.callbacks.Timer", "duration": "/dev/x"}}}, "no file"),
        ({"model": {"_target_": "hpa.models.unet.UnetModel", "decoder": {"weights": "https://x/y"}}}, "no file or"),
        ({"trainer": {"_target_": "hpa.training.fit.Fit", "arguments": {"max_time": {"hours": 1e9}}}}, "65,535"),
    ],
)
def test_libraries_are_given_no_files_addresses_and_huge_numbers(config, words):
    with pytest.raises(InputError, match=rf"(?s)run\.ckpt: .*{words}"):
        require_saved(config, "run.ckpt")


def test_libraries_are_given_what_they_know():
    timer = {"_target_": "pytorch_lightning.callbacks.Timer", "duration": "00:12:00:00"}
    grid = {"_target_": "albumentations.CLAHE", "tile_grid_size": [8, 8], "p": 0.5}
    fit = {
        "_target_": "hpa.training.fit.Fit",
        "arguments": {"max_steps": 10**6, "limit_val_batches": 0.1, "val_check_interval": 10**5},
    }
    require_saved({"callbacks": {"timer": timer}, "augment": {"transforms": [grid]}, "trainer": fit}, "run.ckpt")


@pytest.mark.parametrize("slot", ["crop", "model", "data", "loading", "trainer", "optimizer", "stages"])
def test_what_is_no_part_fills_no_slot(slot):
    for other in ("yes", 3, True, [1], ["a"]):
        with pytest.raises(InputError, match=rf"run\.ckpt: {slot}=.*expected settings by name"):
            require_saved({slot: other}, "run.ckpt")


def test_settings_that_this_version_does_not_have_are_left_to_whoever_builds_the_part():
    require_saved({"crop": {"_target_": "hpa.cells.crops.CropSpec", "shape": "round"}}, "run.ckpt")
