"""Every file of conf/ and experiments/ is composed, and every `_target_` in it is bound to its constructor."""

import inspect
from collections import defaultdict
from copy import deepcopy
from functools import cache
from itertools import zip_longest
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import get_class
from omegaconf import OmegaConf

from hpa.config import require_task
from hpa.core.errors import InputError
from hpa.overrides import keys_of
from hpa.suggestions import GROUPS
from hpa.targets import require_safe

ROOT = Path(__file__).resolve().parents[1]
CONF = ROOT / "conf"
INFERENCE_SLOTS = {"inference", "tta", "ensemble", "fusion", "rules", "also", "thresholds", "engine"}
HANDED_OVER = {
    "model": {"channel_count", "class_count"},
    "supervision": {"loss", "model", "held_out_of", "training_cells"},
    "crop": {"channels"},
    "field": {"channels"},
    "ensemble": {"member_count"},
    "stages": {"loss", "model", "held_out_of", "training_cells"},
}
"""What the composition root gives beside the keys, by slot."""
CHOSEN_BESIDE = {
    "ensemble/fit": ["ensemble=fitted"],
    "supervision/pooling": ["supervision=multiple_instance"],
    "supervision/selection": ["supervision=pseudo_label"],
    "supervision/teacher": ["supervision=pseudo_label"],
    "model/extractor": ["model=frozen"],
    "model/target": ["model=unet"],
    "task/size": ["size=tiny"],
}
"""For a part of a part: a choice that has such a part, where the default has none."""
OF_PIXELS = {"pixel_sum", "mask_rounds", *(path.stem for path in (CONF / "model" / "target").glob("*.yaml"))}
"""Choices that serve task=pixels by a part of theirs."""


def composed(name: str, overrides: list[str], resolve: bool = True) -> dict:
    return deepcopy(_composed(name, tuple(overrides), resolve))


@cache
def _composed(name: str, overrides: tuple[str, ...], resolve: bool) -> dict:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        words = [f"hydra.searchpath=[file://{ROOT}]", *overrides, *(["ckpt=somewhere"] if name == "infer" else [])]
        config = compose(name, overrides=words)
    config = OmegaConf.create({key: value for key, value in config.items() if key != "hydra"})
    for key, value in {"data.root": "somewhere", "segmenter.folder": "somewhere"}.items():
        slot, name = key.split(".")
        if config.get(slot) is not None and OmegaConf.is_missing(config[slot], name):
            config[slot][name] = value
    return OmegaConf.to_container(config, resolve=resolve, throw_on_missing=resolve)


def choices() -> list[tuple[str, str]]:
    files = sorted(path.relative_to(CONF) for path in CONF.glob("*/**/*.yaml"))
    return [(str(path.parent), path.stem) for path in files if str(path.parent) != "task/size"]  # size= chooses these


def task_of(group: str, choice: str) -> str:
    """The task that a choice serves: the one it names, else the default."""
    if group in GROUPS.values():
        return choice
    if group == "thresholds":
        return "pixels"
    text = (CONF / group / f"{choice}.yaml").read_text()  # reading YAML takes seconds for all, in every process
    return "pixels" if "\n_task_: pixels\n" in f"\n{text}\n" or choice in OF_PIXELS else "cells"


def bind(node, slot: str, place: str) -> None:
    if isinstance(node, list):
        for index, item in enumerate(node):
            bind(item, slot, f"{place}[{index}]")
    if not isinstance(node, dict):
        return
    if "_target_" in node:
        given = {key for key in node if not key.startswith("_")}
        parameters = inspect.signature(get_class(node["_target_"])).parameters
        unknown = given - parameters.keys()
        assert not unknown, f"{place}: {node['_target_']} has no {sorted(unknown)}"
        needed = {
            name
            for name, p in parameters.items()
            if (p.default is p.empty and p.kind is p.KEYWORD_ONLY)
            or (p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD)
        }
        if not node.get("_partial_"):
            missing = needed - given - HANDED_OVER.get(slot, set())
            assert not missing, f"{place}: {node['_target_']} also needs {sorted(missing)}"
    for key, value in node.items():
        bind(value, slot, f"{place}.{key}")


def script_of(group: str) -> str:
    return "infer" if group.split("/")[0] in INFERENCE_SLOTS else "train"


def words_of(group: str, choice: str) -> list[str]:
    tasks = GROUPS[script_of(group)]
    task = [f"{tasks}={task_of(group, choice)}"] if group != tasks else []
    return [*task, *CHOSEN_BESIDE.get(group, []), f"{group}={choice}"]


def composes_and_binds(name: str, words: list[str]) -> None:
    config = composed(name, words)
    require_safe(config, "conf")
    if name == "train":
        require_task(config)
    for slot, node in config.items():
        bind(node, slot, slot)


@pytest.mark.thorough
@pytest.mark.parametrize(("group", "choice"), choices(), ids=lambda value: value)
def test_every_choice_composes_and_binds(group, choice):
    composes_and_binds(script_of(group), words_of(group, choice))


def lines() -> list[tuple[str, list[str]]]:
    """Command lines that together name every choice, each of them one choice of every slot that has any left."""
    queues: dict[tuple[str, str], dict[str, list[list[str]]]] = defaultdict(lambda: defaultdict(list))
    for group, choice in choices():
        script, task = script_of(group), task_of(group, choice)
        words = [word for word in words_of(group, choice) if word != f"{GROUPS[script]}={task}"]
        queues[script, task][group.split("/")[0]].append(words)
    return [
        (name, [f"{GROUPS[name]}={task}", *(word for words in chosen for word in words)])
        for (name, task), slots in queues.items()
        for chosen in zip_longest(*slots.values(), fillvalue=[])
    ]


@pytest.mark.parametrize(("name", "words"), lines())
def test_choices_of_all_slots_compose_together_and_bind(name, words):
    """Composing takes the time; so here choices share it, each with other neighbours than the default ones."""
    composes_and_binds(name, words)


def recipes() -> list[str]:
    folder = ROOT / "experiments"
    return [str(path.relative_to(folder).with_suffix("")) for path in sorted(folder.rglob("*.yaml"))]


@pytest.mark.parametrize("recipe", recipes())
def test_every_recipe_composes_and_is_a_small_file_with_a_header(recipe):
    name = "infer" if recipe.startswith("inference/") else "train"
    config = composed(name, [f"experiments={recipe}"])
    for slot, node in config.items():
        bind(node, slot, slot)
    text = (ROOT / "experiments" / f"{recipe}.yaml").read_text()
    assert len(text.splitlines()) <= 25
    for word in ("# Question:", "# Command:", "# Minutes:", "# Score:"):
        assert word in text, f"{recipe}: the header lacks '{word}'"
    assert "experiments:" not in text  # a recipe never inherits a recipe


def sized_recipes() -> list:
    """Every recipe in every size; one size of each recipe, in turn, is not thorough."""
    sizes = ["tiny", "small", "full"]
    return [
        pytest.param(recipe, size, marks=[] if index % 3 == turn else pytest.mark.thorough)
        for index, recipe in enumerate(name for name in recipes() if not name.startswith("inference/"))
        for turn, size in enumerate(sizes)
    ]


@pytest.mark.parametrize(("recipe", "size"), sized_recipes())
def test_a_size_placed_after_a_recipe_wins(recipe, size):
    config = composed("train", [f"experiments={recipe}", f"size={size}"])
    own = CONF / "task" / "size" / f"{config['task']}_{size}.yaml"
    for file in (CONF / "size" / f"{size}.yaml", *([own] if own.is_file() else [])):
        expected = OmegaConf.to_container(OmegaConf.load(file))
        for slot, values in expected.items():
            assert {key: config[slot][key] for key in values} == values


def test_names_can_be_typed_on_the_command_line():
    for path in [*CONF.rglob("*"), *(ROOT / "experiments").rglob("*")]:
        assert not set("=,() ") & set(path.name), path


@pytest.mark.parametrize("task", ["cells", "pixels"])
@pytest.mark.parametrize("debug", sorted(path.stem for path in (CONF / "debug").glob("*.yaml")))
def test_debugging_touches_only_what_every_task_reads(task, debug):
    shipped, changed = composed("train", [f"task={task}"]), composed("train", [f"task={task}", f"debug={debug}"])
    assert keys_of(shipped) == keys_of(changed)


@pytest.mark.parametrize("task", ["cells", "pixels"])
@pytest.mark.parametrize("size", ["tiny", "small", "full"])
def test_sizes_touch_only_what_the_task_reads(task, size):
    shipped, changed = composed("train", [f"task={task}"]), composed("train", [f"task={task}", f"size={size}"])
    assert sorted(keys_of(shipped)) == sorted(keys_of(changed))


@cache
def slots_of_task(task: str) -> set[str]:
    return set(composed("train", [f"task={task}"]))


@pytest.mark.parametrize("recipe", [name for name in recipes() if not name.startswith("inference/")])
def test_recipes_set_only_what_their_task_reads(recipe):
    config = composed("train", [f"experiments={recipe}"])
    require_task(config)
    assert set(config) == slots_of_task(config["task"])


SERVE_ANY_TASK = {"stages": {"single", "cross_validation"}}
"""Parts that do not say which task they serve, of the slots whose parts do."""
TASKS = ("cells", "pixels")


def wrong_choices() -> list:
    """Every choice of the slots that both tasks have, with the task it serves and the other one.

    All but the first of a slot and a task are thorough: composing takes the time.
    """
    seen: set[tuple[str, str]] = set()
    found = []
    for slot in ("model", "loss", "supervision", "metric", "augment", "stages"):
        for file in sorted((CONF / slot).glob("*.yaml")):
            if file.stem in SERVE_ANY_TASK.get(slot, ()):
                continue
            served = task_of(slot, file.stem)
            other = next(task for task in TASKS if task != served)
            marks = [pytest.mark.thorough] if (slot, served) in seen else []
            seen.add((slot, served))
            found.append(pytest.param(slot, file.stem, served, other, marks=marks))
    return found


@pytest.mark.parametrize(("slot", "choice", "served", "other"), wrong_choices())
def test_a_choice_is_refused_by_the_task_it_does_not_serve(slot, choice, served, other):
    config = composed("train", [f"task={other}", f"{slot}={choice}"], resolve=False)
    with pytest.raises(InputError, match=rf"{slot}={choice}: .*serves task={served}.*set task={served}"):
        require_task(config, {slot: choice})


@pytest.mark.parametrize("task", TASKS)
def test_parts_that_serve_any_task_are_taken_by_each(task):
    for slot, names in SERVE_ANY_TASK.items():
        for name in names:
            require_task(composed("train", [f"task={task}", f"{slot}={name}"]))
