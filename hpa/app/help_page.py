"""What `train.py --help` and `infer.py --help` print: usage, slots, examples, recipes; with a slot, its choices."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from omegaconf import OmegaConf

from hpa.app.habits import ANSWERS, SERVED
from hpa.core.errors import InputError
from hpa.core.nearest import did_you_mean
from hpa.overrides import compose_config, keys_of
from hpa.slots import choice_files, choices, comment_of, recipes, slots, slots_of
from hpa.values import described_key

_USAGE = {
    "train": """Train a network, or go on with a run.

usage: python train.py [slot=choice …] [key=value …]     train; the run goes to runs/, or to run_dir=RUN
       python train.py -m slot=A,B [key=value …]         a sweep: one run for each combination
       python train.py resume=RUN [key=value …]          go on after the last finished epoch; last: the newest
       python train.py --help SLOT                       the choices of a slot, with their settings
       python train.py --help SLOT.KEY                   what a setting means
       python train.py [slot=choice …] --cfg job         every setting of a command, without running it""",
    "infer": """Predict a data set with trained runs, and write a submission.

usage: python infer.py ckpt=RUN [data=… data.root=DIR] [split=test] [out=submission.csv] [key=value …]
       python infer.py ckpt=[RUN_A,RUN_B] …              an ensemble
       python infer.py --help SLOT                       the choices of a slot, with their settings
       python infer.py ckpt=RUN --cfg job                every setting of a command, without running it""",
}
_EXAMPLES = {
    "train": """python train.py                                         a small synthetic data set, made on first use
python train.py model=resnet50 loss=focal               choose parts by name
python train.py data=kaggle_hpa data.root=DIR run_dir=RUN
python train.py experiments=hpa/first_light data.root=DIR size=small
python train.py debug=overfit                           can this model learn a few cells by heart?
python train.py trainer.max_epochs=20 optimizer.learning_rate=3e-4 trainer.precision=bf16""",
    "infer": """python infer.py ckpt=RUN data=kaggle_hpa data.root=DIR split=test out=submission.csv
python infer.py ckpt=RUN tta=d4 fusion=product out=submission.csv
python infer.py ckpt=[RUN_A,RUN_B] ensemble=rank out=submission.csv""",
}
_EXIT_CODES = {
    "train": "Exit codes: 0 success; 1 failed; 2 usage; 130 interrupted (go on with resume=RUN).",
    "infer": "Exit codes: 0 success; 1 no usable result; 2 usage; 3 some images failed; 130 interrupted.",
}
_COLUMN = 24
RECIPES = "experiments"


def help_word(words: Sequence[str]) -> str | None:
    """Return the slot that help is wanted on, "" for the whole page, None where no help is wanted.

    >>> help_word(["--help", "loss"]), help_word(["-h"]), help_word(["loss=focal"])
    ('loss', '', None)
    """
    for index, word in enumerate(words):
        if word in ("--help", "-h"):
            others = (*words[index + 1 :], *words[:index])
            rest = [other for other in others if not other.startswith(("-", "plugins="))]
            return rest[0].partition("=")[0].lstrip("+") if rest else ""
        if word.startswith("--help="):
            return word.partition("=")[2]
    return None


def help_page(root: Path, script: str, slot: str) -> str:
    """Return the help of a script, or of one of its slots.

    Args:
        root: Folder with conf/ and experiments/.
        script: `train` or `infer`.
        slot: E.g. `loss`, `model/head` or `experiments`; "" for the whole page.

    Raises:
        InputError: If there is no such slot.
    """
    lines = _of_slot(root, script, slot.replace(".", "/")) if slot else _of_script(root, script)
    return "\n".join(lines)


def _of_script(root: Path, script: str) -> Iterator[str]:
    conf = root / "conf"
    yield from (_USAGE[script], "", "Slots (SLOT=CHOICE; * is the default):")
    for name, slot in slots_of(conf, script).items():
        named = ["*" + choice if choice == slot.default else choice for choice in choices(conf, name)]
        yield from _entry(name, f"{slot.text}: {' '.join(named)}")
    yield from ("", "Examples:", *(f"  {line}" for line in _EXAMPLES[script].splitlines()))
    yield from ("", f"Recipes ({RECIPES}=NAME, or experiment=NAME) and the question that each answers:")
    for name, question in recipes(root, script).items():
        yield from _entry(name, question, width=30)
    yield from ("", _EXIT_CODES[script])


def _of_slot(root: Path, script: str, slot: str) -> Iterator[str]:
    conf = root / "conf"
    slot = SERVED[script].get(key := slot.replace("/", "."), slot)
    if answer := ANSWERS[script].get(key):
        yield f"{key}: {answer}."
        return
    if slot == RECIPES:
        yield f"{RECIPES}=NAME: recipes, and the question that each answers"
        for name, question in recipes(root, script).items():
            yield from _entry(name, question, width=30)
        return
    known = slots(conf)
    if slot not in known:
        yield from _of_key(root, script, slot.replace("/", "."))
        return
    yield f"{slot}=CHOICE: {known[slot].text}" + (f" (default: {known[slot].default})" if known[slot].text else "")
    for file in choice_files(conf, slot):
        text = file.read_text(encoding="utf-8")
        yield from ("", *_entry(file.stem, comment_of(text)))
        yield from (f"      {line}" for line in _settings(text))


def _of_key(root: Path, script: str, key: str) -> Iterator[str]:
    """Give the value of a key, what is expected and what it means.

    Raises:
        InputError: If there is neither such a key nor such a slot.
    """
    of_task = {"train": "task", "infer": "inference"}[script]
    known = [*slots_of(root / "conf", script), RECIPES]
    for task in ("cells", "pixels"):
        words = [f"{of_task}={task}", *(["ckpt=null"] if script == "infer" else [])]
        config = cast("dict[str, Any]", OmegaConf.to_container(compose_config(root, script, words), resolve=False))
        known += keys_of(config)
        if key in known:
            yield from described_key(config, key)
            return
    otherwise = f"python {script}.py --help lists the slots, --cfg job the keys."
    raise InputError(f"--help {key}: there is no such slot or key; {did_you_mean(key, known, otherwise)}")


def _settings(text: str) -> Iterator[str]:
    """Give the lines of a choice that a user may set: no comment above them, no class."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    yield from (line for line in lines if line.strip() and not line.startswith(("_", "defaults:", "  - ", "{}")))


def _entry(name: str, text: str, width: int = _COLUMN) -> list[str]:
    """Return a name with the text beside it, wrapped to the terminal."""
    columns = max(60, shutil.get_terminal_size((120, 24)).columns)
    indent = " " * (width + 2)
    wrapped = textwrap.wrap(text, columns - len(indent) - 1, break_long_words=False, break_on_hyphens=False) or [""]
    first = f"  {name:<{width}}"
    if len(name) >= width:
        return [f"  {name}", *(indent + line for line in wrapped)]
    return [first + wrapped[0], *(indent + line for line in wrapped[1:])]
